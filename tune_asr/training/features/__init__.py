"""Log-mel features: computed, stored, and read back.

log_mel.py   Kaldi-compatible log-mel features of one recording
sources.py   features of many utterances, computed on demand
store.py     features of a corpus, computed once a machine and memory-mapped
noise.py     features of noise recordings
"""

from tune_asr.training.features.log_mel import log_mel

__all__ = ["log_mel"]
