"""Log-mel features of recordings.

    fbank.py     Kaldi's filter bank for many waveforms at once
    log_mel.py   features of recordings at any rate
    sources.py   features computed in threads, or at every access
    store.py     features of a corpus on disk, shared by all trainings of a machine
    noise.py     recordings of noise, read by excerpts

Nothing here imports models, batches or Lightning.
"""

from tune_asr.training.features.log_mel import log_mel

__all__ = ["log_mel"]
