"""How long speech is, in samples, feature frames and output frames: integers.

Exact for recordings at the rate of the features. torchaudio takes the length of a resampled one through float32, so
that above 2^24 samples, 17 minutes at 16 kHz, it may be a frame off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tune_asr.speech.text.vocabulary import min_frames

WINDOW_MILLISECONDS = 25
SHIFT_MILLISECONDS = 10
FRAMES_PER_SECOND = 1000 // SHIFT_MILLISECONDS
MAX_RESAMPLING_PHASES = 2_000_000


def num_samples_at(seconds: float, sample_rate: int) -> int:
    """Return how many samples a recording of `seconds` has once resampled: rounded up, as torchaudio does.

    `seconds` is a quotient of integers, so a product that misses an integer by a millionth is that integer.
    """
    return math.ceil(round(seconds * sample_rate, 6))


def num_feature_frames(num_samples: int, sample_rate: int) -> int:
    """Return how many frames `torchaudio.compliance.kaldi.fbank` makes with a 10 ms shift and `snip_edges=False`.

    It makes none of a recording shorter than one window (`min_samples`), but raises.
    """
    shift = sample_rate * SHIFT_MILLISECONDS // 1000
    return (num_samples + shift // 2) // shift


def can_resample(rate: int, sample_rate: int) -> bool:
    """Say whether `torchaudio.functional.resample` has a filter of sane size for two rates, in Hz.

    It has a phase for every pair of positions in the two rates without their common divisor: gigabytes of them for
    11,127 Hz and 8,000 Hz, and 141,120 numbers for 22,050 Hz and 16,000 Hz.
    """
    divisor = math.gcd(rate, sample_rate)
    return (rate // divisor) * (sample_rate // divisor) <= MAX_RESAMPLING_PHASES


def min_samples(sample_rate: int) -> int:
    """Return the length of one 25 ms window: a shorter recording has no features."""
    return sample_rate * WINDOW_MILLISECONDS // 1000


def output_frames(num_frames: int, subsampling: int) -> int:
    """Return how many output frames an encoder that keeps one frame in `subsampling` makes of `num_frames`."""
    return -(-num_frames // subsampling)


def is_feasible(tokens: Sequence[int], seconds: float, sample_rate: int, subsampling: int) -> bool:
    """Say whether CTC can align `tokens` with a recording: whether there are output frames enough.

    Args:
        tokens: the encoded reference.
        seconds: length of the recording.
        sample_rate: of the features, in Hz.
        subsampling: feature frames to one output frame.
    """
    num_frames = num_feature_frames(num_samples_at(seconds, sample_rate), sample_rate)
    return min_frames(tokens) <= output_frames(num_frames, subsampling)
