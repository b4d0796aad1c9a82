"""Kaldi's filter bank by numpy, equal to `training.features` to float32 rounding.

Shapes: S samples, T frames, C mel bins, L samples a frame, F frequencies.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from tune_asr.config.mel_bins import BELOW_NYQUIST_HZ, LOWEST_HZ
from tune_asr.speech.audio.frames import SHIFT_MILLISECONDS, WINDOW_MILLISECONDS, num_feature_frames

PRE_EMPHASIS = np.float32(0.97)
EPSILON = np.finfo(np.float32).eps
MAX_FRAMES = 1024
"""Frames computed together: their temporaries stay in a core's cache."""

Floats = npt.NDArray[np.float32]


def fbank(waveform: Floats, sample_rate: int, num_mel_bins: int) -> Floats:
    """Compute log-mel energies of a waveform.

    (S,) -> (T, C).

    Args:
        waveform: at least one frame (25 ms) long.
        sample_rate: its rate, Hz.
        num_mel_bins: C.
    """
    size, shift = (sample_rate * milliseconds // 1000 for milliseconds in (WINDOW_MILLISECONDS, SHIFT_MILLISECONDS))
    count = num_feature_frames(len(waveform), sample_rate)
    mirrored = _mirrored(waveform, size // 2 - shift // 2, (count - 1) * shift + size)
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, size)[::shift]
    filters, tapered = bank(num_mel_bins, sample_rate, size).T, window(size)
    found = np.empty((count, num_mel_bins), np.float32)
    for first in range(0, count, MAX_FRAMES):
        found[first : first + MAX_FRAMES] = _log_mel(frames[first : first + MAX_FRAMES], tapered, filters)
    return found


def _log_mel(frames: Floats, tapered: Floats, filters: Floats) -> Floats:
    """(T, L), (L,), (F, C) -> (T, C)."""
    frames = frames - frames.mean(1, keepdims=True)
    # The first sample of a frame stands for the one before it.
    frames[:, 1:] -= PRE_EMPHASIS * frames[:, :-1]
    frames[:, 0] -= PRE_EMPHASIS * frames[:, 0]
    frames *= tapered
    spectrum = np.fft.rfft(frames, n=1 << (frames.shape[1] - 1).bit_length())
    power = spectrum.real**2 + spectrum.imag**2
    found: Floats = np.log(np.maximum(power @ filters, EPSILON))
    return found


def _mirrored(waveform: Floats, before: int, length: int) -> Floats:
    """Extend a waveform to `length` samples by its mirror images."""
    after = max(0, length - before - len(waveform))
    extended = np.concatenate((waveform[:before][::-1], waveform, waveform[len(waveform) - after :][::-1]))
    return extended[:length]


@functools.lru_cache
def window(size: int) -> Floats:
    """Povey's window, (L,)."""
    return (np.hanning(size) ** 0.85).astype(np.float32)


@functools.lru_cache
def bank(num_mel_bins: int, sample_rate: int, size: int) -> Floats:
    """Mel filters over a power spectrum, (C, F).

    float32 throughout: torchaudio rounds in the same places.
    """
    padded = 1 << (size - 1).bit_length()
    low, high = (1127.0 * math.log(1.0 + hertz / 700.0) for hertz in (LOWEST_HZ, sample_rate / 2 - BELOW_NYQUIST_HZ))
    width, bins = (high - low) / (num_mel_bins + 1), np.arange(num_mel_bins, dtype=np.float32)[:, None]
    left, centre, right = (np.float32(low) + (bins + np.float32(i)) * np.float32(width) for i in range(3))
    hertz = np.float32(sample_rate / padded) * np.arange(padded // 2, dtype=np.float32)
    mel = np.float32(1127.0) * np.log(np.float32(1.0) + hertz / np.float32(700.0))
    slopes = np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre))
    # No filter reaches the last frequency.
    return np.pad(np.maximum(slopes, np.float32(0)), ((0, 0), (0, 1)))
