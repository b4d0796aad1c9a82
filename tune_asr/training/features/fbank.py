"""Kaldi's filter bank for many waveforms, bit-equal to torchaudio's.

torchaudio computes one waveform a call, makes window and filters anew each time, and spends most of its time in
Python, which holds the lock of other threads. Here the frames of many waveforms lie in one buffer, so that each
operator runs once. On a GPU products are made in float64: there, those of float32 may be rounded to TF32, as
`precision.float32_matmul` says of the training.

Shapes: S samples, T frames, C mel bins, L samples a frame.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tune_asr.config.mel_bins import BELOW_NYQUIST_HZ, LOWEST_HZ
from tune_asr.errors import TuneAsrError
from tune_asr.speech.audio.frames import SHIFT_MILLISECONDS, WINDOW_MILLISECONDS

PRE_EMPHASIS = 0.97
EPSILON = torch.finfo(torch.float32).eps
MAX_FRAMES = 2048
"""Frames computed together: their temporaries stay in a core's cache."""
MAX_FRAMES_OF_GPU = 1 << 16
CPU = torch.device("cpu")


def fbanks(
    waveforms: Sequence[npt.NDArray[np.float32]], sample_rate: int, num_mel_bins: int, device: torch.device = CPU
) -> list[Tensor]:
    """Compute log-mel energies of waveforms.

    (S,) each -> (T, C) each, on the device.

    Args:
        waveforms: each at least one frame (25 ms) long.
        sample_rate: rate of all of them, Hz.
        num_mel_bins: C.
        device: device that computes them.
    """
    size, shift = _samples(sample_rate, WINDOW_MILLISECONDS), _samples(sample_rate, SHIFT_MILLISECONDS)
    counts = [(len(waveform) + shift // 2) // shift for waveform in waveforms]
    most = MAX_FRAMES if device == CPU else MAX_FRAMES_OF_GPU
    found: list[Tensor] = []
    first = 0
    while first < len(waveforms):
        last, total = first + 1, counts[first]
        while last < len(waveforms) and total + counts[last] <= most:
            total += counts[last]
            last += 1
        filters = bank(num_mel_bins, sample_rate, size).to(device, product_type(device))
        found += _together(waveforms[first:last], counts[first:last], size, shift, filters)
        first = last
    return found


def _together(
    waveforms: Sequence[npt.NDArray[np.float32]],
    counts: Sequence[int],
    size: int,
    shift: int,
    filters: Tensor,
) -> list[Tensor]:
    gap = -(-(size - shift) // shift)  # frames that reach over from one waveform into the next
    starts = np.cumsum([0, *(count + gap for count in counts)])
    buffer = np.zeros((int(starts[-1]) + gap) * shift, np.float32)
    for waveform, start, count in zip(waveforms, starts, counts, strict=False):
        _reflect(waveform, buffer[start * shift : (start + count + gap) * shift], (size // 2) - (shift // 2))
    frames = torch.from_numpy(buffer).to(filters.device).as_strided((int(starts[-1]), size), (shift, 1))
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat((frames[:, :1], frames[:, :-1]), 1)
    frames = frames.sub_(before.mul_(PRE_EMPHASIS)).mul_(window(size).to(filters.device))
    spectrum = torch.fft.rfft(frames, n=1 << (size - 1).bit_length()).abs()
    # The bits of a product of matrices depend on their rows and on where they lie in memory: one for each waveform.
    powers = (spectrum[start : start + count].square() for start, count in zip(starts, counts, strict=False))
    products = (power.to(filters.dtype) @ filters.T for power in powers)
    return [energies.float().clamp_(min=EPSILON).log_() for energies in products]


def product_type(device: torch.device) -> torch.dtype:
    """Return a type that no setting of torch rounds."""
    return torch.float32 if device == CPU else torch.float64


def _reflect(waveform: npt.NDArray[np.float32], out: npt.NDArray[np.float32], before: int) -> None:
    """Write a waveform, mirrored at both ends."""
    out[:before] = waveform[:before][::-1]
    inside = out[before : before + len(waveform)]
    inside[:] = waveform[: len(inside)]
    after = out[before + len(inside) :]
    after[:] = waveform[::-1][: len(after)]


def _samples(sample_rate: int, milliseconds: float) -> int:
    return int(sample_rate * milliseconds * 0.001)


@functools.lru_cache
def window(size: int) -> Tensor:
    """Povey's window, (L,)."""
    return torch.hann_window(size, periodic=False).pow(0.85)


@functools.lru_cache
def bank(num_mel_bins: int, sample_rate: int, size: int) -> Tensor:
    """Mel filters over a power spectrum, (C, frequencies)."""
    padded = 1 << (size - 1).bit_length()
    make = import_torchaudio().compliance.kaldi.get_mel_banks
    filters, _ = make(num_mel_bins, padded, float(sample_rate), LOWEST_HZ, -BELOW_NYQUIST_HZ, 100.0, -500.0, 1.0)
    padded_filters: Tensor = torch.nn.functional.pad(filters, (0, 1))
    return padded_filters


def import_torchaudio() -> Any:
    """Import torchaudio.

    Raises:
        TuneAsrError: it does not load, most likely because torch was built for another CUDA.
    """
    try:
        import torchaudio
    except (ImportError, OSError, RuntimeError) as error:
        raise TuneAsrError(
            f"torchaudio 2.11.0 does not load beside torch {torch.__version__} ({error})",
            hint="Install torch>=2.14.1,<2.15.",
        ) from error
    return torchaudio
