"""Log-mel features as Kaldi and sherpa-onnx compute them.

25 ms windows every 10 ms, no dither, edges reflected, mel filters from 20 Hz to 400 Hz below Nyquist. Nothing here
reads files; mean and variance are normalised by the model. Shapes: S samples, T frames, C mel bins.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tune_asr.training.features.fbank import CPU, fbanks, import_torchaudio, product_type


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
    recordings = [(np.asarray(samples, np.float32), sample_rate_in)]
    return log_mels(recordings, sample_rate=sample_rate, num_mel_bins=num_mel_bins)[0]


def log_mels(
    recordings: Sequence[tuple[npt.NDArray[np.float32], int]],
    *,
    sample_rate: int,
    num_mel_bins: int,
    device: torch.device = CPU,
) -> list[Tensor]:
    """Compute `log_mel` of several (samples, rate) on a device."""
    waveforms = [resample(samples, rate, sample_rate, device).cpu().numpy() for samples, rate in recordings]
    return fbanks(waveforms, sample_rate, num_mel_bins, device)


def resample(samples: np.ndarray | Tensor, sample_rate_in: int, sample_rate: int, device: torch.device = CPU) -> Tensor:
    """Resample (S,) to another rate in Hz, as (S',) float32."""
    waveform = torch.as_tensor(samples, dtype=torch.float32)
    if sample_rate_in == sample_rate:
        return waveform
    resampler = _resampler(sample_rate_in, sample_rate, device)
    resampled: Tensor = resampler(waveform.to(device, product_type(device)))
    return resampled.float()


@functools.lru_cache(8)
def _resampler(sample_rate_in: int, sample_rate: int, device: torch.device) -> Any:
    """Resampler that keeps its filter."""
    kind = product_type(device)
    return import_torchaudio().transforms.Resample(sample_rate_in, sample_rate, dtype=kind).to(device)
