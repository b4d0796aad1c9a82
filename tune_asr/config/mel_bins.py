"""Largest number of mel filters at a sample rate, as in Kaldi."""

from __future__ import annotations

import functools
import math

LOWEST_HZ = 20.0
BELOW_NYQUIST_HZ = 400.0
WINDOW_SECONDS = 0.025


@functools.cache
def max_mel_bins(sample_rate: int) -> int:
    """Return the largest number without a blind filter.

    A blind filter covers no bin of the FFT: it gives a constant in torchaudio and ends the process in Kaldi and
    sherpa-onnx. No smaller number of filters has a blind one either.

    Args:
        sample_rate: sample rate, Hz.
    """
    size = 1 << math.ceil(math.log2(sample_rate * WINDOW_SECONDS))
    bins = [_mel(i * sample_rate / size) for i in range(size // 2)]
    low, high = _mel(LOWEST_HZ), _mel(sample_rate / 2 - BELOW_NYQUIST_HZ)
    count = 1
    while _all_see_a_bin(count + 1, low, high, bins):
        count += 1
    return count


def _all_see_a_bin(count: int, low: float, high: float, bins: list[float]) -> bool:
    width = (high - low) / (count + 1)
    return all(any(low + i * width < mel < low + (i + 2) * width for mel in bins) for i in range(count))


def _mel(hertz: float) -> float:
    return 1127.0 * math.log(1.0 + hertz / 700.0)
