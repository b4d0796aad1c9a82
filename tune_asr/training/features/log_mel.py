"""Kaldi-compatible log-mel features: the front end that sherpa-onnx and Kaldi runtimes compute as well.

25 ms windows every 10 ms, no dither, edges reflected, mel filters from 20 Hz to 400 Hz below Nyquist. Nothing here
reads files; mean and variance are normalised by the model. Shapes: S samples, T frames, C mel bins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tune_asr.config.mel_bins import BELOW_NYQUIST_HZ, LOWEST_HZ
from tune_asr.errors import TuneAsrError


def log_mel(samples: np.ndarray | Tensor, sample_rate_in: int, *, sample_rate: int, num_mel_bins: int) -> Tensor:
    """Log-mel filter-bank energies of one recording.

    Args:
        samples: (S,) in [-1, 1], one channel, at least one window (25 ms) long.
        sample_rate_in: rate of `samples`, Hz.
        sample_rate: rate the features are computed at, Hz; other rates are resampled to it.
        num_mel_bins: C.

    Returns:
        (T, C) float32, equal to torchaudio's `compliance.kaldi.fbank`.
    """
    waveform = resample(samples, sample_rate_in, sample_rate)
    features: Tensor = import_torchaudio().compliance.kaldi.fbank(
        waveform.unsqueeze(0),
        num_mel_bins=num_mel_bins,
        sample_frequency=sample_rate,
        frame_length=25.0,
        frame_shift=10.0,
        dither=0.0,
        snip_edges=False,
        low_freq=LOWEST_HZ,
        high_freq=-BELOW_NYQUIST_HZ,
    )
    return features


def resample(samples: np.ndarray | Tensor, sample_rate_in: int, sample_rate: int) -> Tensor:
    """(S,) samples at one rate -> (S',) float32 at another, both in Hz; as they are where the rates are equal."""
    waveform = torch.as_tensor(samples, dtype=torch.float32)
    if sample_rate_in == sample_rate:
        return waveform
    resampled: Tensor = import_torchaudio().functional.resample(waveform, sample_rate_in, sample_rate)
    return resampled


def import_torchaudio() -> Any:
    """The torchaudio module.

    Raises:
        TuneAsrError: it does not load, most likely because torch was built for another CUDA.
    """
    try:
        import torchaudio
    except (ImportError, OSError, RuntimeError) as error:
        raise TuneAsrError(
            f"torchaudio 2.11.0 does not load beside torch {torch.__version__}: install torch>=2.14.1,<2.15 ({error})"
        ) from error
    return torchaudio
