"""Length of speech in samples, feature frames and output frames.

The integers are exact for recordings at the rate of the features. torchaudio computes the length of a resampled one in
float32, so above 2^24 samples, 17 minutes at 16 kHz, it may be a frame off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, Self, TypeVar

WINDOW_MILLISECONDS = 25
SHIFT_MILLISECONDS = 10
FRAMES_PER_SECOND = 1000 // SHIFT_MILLISECONDS
MAX_RESAMPLING_PHASES = 2_000_000


def num_samples_at(seconds: float, sample_rate: int) -> int:
    """Return the number of samples after resampling.

    It is rounded up, like torchaudio's. `seconds` is a quotient of integers, so a product within a millionth of an
    integer is that integer.
    """
    return math.ceil(round(seconds * sample_rate, 6))


def num_feature_frames(num_samples: int, sample_rate: int) -> int:
    """Return the number of frames of `torchaudio.compliance.kaldi.fbank`.

    It runs with a 10 ms shift and `snip_edges=False`, and raises for less than one window (`min_samples`).
    """
    shift = sample_rate * SHIFT_MILLISECONDS // 1000
    return (num_samples + shift // 2) // shift


def can_resample(rate: int, sample_rate: int) -> bool:
    """Return True if `torchaudio.functional.resample` needs little memory.

    Its filter has a phase for every pair of positions in the two rates, in Hz, without their common divisor: gigabytes
    for 11,127 Hz and 8,000 Hz, but 141,120 numbers for 22,050 Hz and 16,000 Hz.
    """
    divisor = math.gcd(rate, sample_rate)
    return (rate // divisor) * (sample_rate // divisor) <= MAX_RESAMPLING_PHASES


def min_samples(sample_rate: int) -> int:
    """Return the length of one 25 ms window."""
    return sample_rate * WINDOW_MILLISECONDS // 1000


class Countable(Protocol):
    """Number, or array of numbers such as a tensor."""

    def __add__(self, other: int, /) -> Self: ...

    def __floordiv__(self, other: int, /) -> Self: ...


N = TypeVar("N", bound=Countable)


def output_frames(num_frames: N, subsampling: int) -> N:
    """Return num_frames / subsampling, rounded up."""
    return (num_frames + (subsampling - 1)) // subsampling


def min_frames(tokens: Sequence[int]) -> int:
    """Return the fewest output frames for CTC to align `tokens`.

    One per token, and a blank between two equal neighbours (Graves et al., *Connectionist Temporal Classification*,
    2006: the map B merges repeats before it removes blanks).
    """
    return len(tokens) + sum(first == second for first, second in pairwise(tokens))


def is_feasible(tokens: Sequence[int], seconds: float, sample_rate: int, subsampling: int) -> bool:
    """Return True if a recording is long enough for `tokens`.

    Args:
        tokens: encoded reference.
        seconds: length of the recording.
        sample_rate: rate of the features, in Hz.
        subsampling: feature frames to one output frame.
    """
    num_frames = num_feature_frames(num_samples_at(seconds, sample_rate), sample_rate)
    return min_frames(tokens) <= output_frames(num_frames, subsampling)
