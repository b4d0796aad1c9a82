"""Recordings and synthetic speech: samples, lengths and noise. No torch.

recordings.py   header, samples and defects of an audio file
truncation.py   files cut short
frames.py       lengths in samples, feature frames and output frames
synthetic.py    corpus of synthetic speech from a seed; voice.py makes its sound
noise.py        noise recordings, or made-up noise, for augmentation
"""

from tune_asr.speech.audio.recordings import read

__all__ = ["read"]
