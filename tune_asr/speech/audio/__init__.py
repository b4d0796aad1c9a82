"""Samples of recordings, of synthetic speech and of noise.

recordings   a file -> samples, or the reason it cannot be used
truncation   files cut off at the end
frames       seconds -> samples -> feature frames -> output frames
synthetic    a seed -> a corpus of synthetic speech
voice        characters -> sounds
noise        a folder, or a colour -> noise to add to speech
"""

from tune_asr.speech.audio.recordings import read

__all__ = ["read"]
