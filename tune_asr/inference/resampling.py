"""Resampling by a windowed sinc, equal to torchaudio's to float32 rounding.

Each output sample is a weighted sum of the input around it. The weights repeat after as many output samples as the new
rate has without the common divisor: the phases of the filter.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

ZERO_CROSSINGS = 6
ROLL_OFF = 0.99
"""Share of the lower of both Nyquist frequencies that passes."""
MAX_BLOCKS = 1 << 14
"""Blocks of input computed together, so that hours of speech do not fill the memory."""

Floats = npt.NDArray[np.float32]


def resample(samples: Floats, rate: int, new_rate: int) -> Floats:
    """Resample (S,) from one rate to another, both in Hz."""
    if rate == new_rate:
        return samples
    divisor = math.gcd(rate, new_rate)
    old, new = rate // divisor, new_rate // divisor
    weights, width = _filter(old, new)
    padded = np.pad(samples, (width, width + old))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, weights.shape[0])[::old]
    parts = [blocks[first : first + MAX_BLOCKS] @ weights for first in range(0, len(blocks), MAX_BLOCKS)]
    # In float32, as torchaudio counts.
    length = math.ceil(np.float32(new * len(samples) / old))
    return np.concatenate(parts).reshape(-1)[:length]


@functools.lru_cache(8)
def _filter(old: int, new: int) -> tuple[Floats, int]:
    """Return weights, and their reach in samples.

    The weights are (samples of a block, phases), float32 throughout: torchaudio rounds in the same places.
    """
    passed = min(old, new) * ROLL_OFF
    width = math.ceil(ZERO_CROSSINGS * old / passed)
    samples = np.arange(-width, width + old, dtype=np.float32) / np.float32(old)
    phases = np.arange(0, -new, -1, dtype=np.float32) / np.float32(new)
    times = (samples[:, None] + phases) * np.float32(passed)
    times = np.clip(times, np.float32(-ZERO_CROSSINGS), np.float32(ZERO_CROSSINGS))
    taper = np.cos(times * np.float32(math.pi) / np.float32(ZERO_CROSSINGS) / np.float32(2)) ** 2
    times = times * np.float32(math.pi)
    with np.errstate(invalid="ignore"):
        sinc = np.where(times == 0, np.float32(1), np.sin(times) / times)
    return sinc * (taper * np.float32(passed / old)), width
