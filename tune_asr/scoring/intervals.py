"""Confidence intervals of error rates: bootstrap over utterances.

M. Bisani and H. Ney, *Bootstrap estimates for confidence intervals in ASR performance evaluation*,
ICASSP 2004. A replicate b = 1 … B draws s utterances with replacement from the s that were scored, and
has its own rate W*b = Σ errors / Σ words; the interval holds the middle of all W*b. For two systems the
same draw is scored by both, which removes the part of the utterances.

Over few utterances the bootstrap spreads too little: it divides by s instead of s - 1, and its tails are normal instead
of t. So less is cut off at each end (T. Hesterberg, *What Teachers Should Know About the Bootstrap*, The American
Statistician, 2015: the expanded percentile interval). Over some hundreds this makes no difference.

An utterance is one complex number here, its errors + i · its size: a replicate is then one sum.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLICATES = 2_000
"""Replicates of every interval shown, while the driver waits; the ends vary by about 2 % of the width."""
_DRAWS_AT_ONCE = 1 << 16
"""Utterances drawn at once, over all replicates: 1 MiB, which stays in the cache."""


def rate_interval(
    errors: ArrayLike, sizes: ArrayLike, *, replicates: int = REPLICATES, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval of an error rate.

    Args:
        errors: (s,) substitutions + deletions + insertions of each utterance.
        sizes: (s,) words or characters of each reference.
        replicates: number B in the paper.
        confidence: share of replicates inside the interval.
        seed: seed of the draws. The order of the utterances does not matter.

    Returns:
        Its low and its high end, as fractions.
    """
    return _middle(_rates(_replicates(errors, sizes, replicates, seed)), confidence, np.size(sizes))


def paired_difference(
    errors_a: ArrayLike,
    errors_b: ArrayLike,
    sizes: ArrayLike,
    *,
    replicates: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return the difference of two error rates, a minus b.

    Both systems are scored on the same utterances. The difference is below 0 if a is better.

    Args:
        errors_a: (s,) errors of the first system.
        errors_b: (s,) errors of the second system, for the same utterances.
        sizes: (s,) words or characters of each reference.
        replicates: number B in the paper.
        confidence: share of replicates inside the interval.
        seed: seed of the draws, as for `rate_interval`.

    Returns:
        Low and high end of the interval (ΔW in the paper), and the probability that a is better: its share
        of replicates (poi in the paper), ties counted half.
    """
    differences = _rates(_replicates(np.subtract(errors_a, errors_b), sizes, replicates, seed))
    low, high = _middle(differences, confidence, np.size(sizes))
    return low, high, float(np.mean(differences < 0) + np.mean(differences == 0) / 2)


def _replicates(errors: ArrayLike, sizes: ArrayLike, replicates: int, seed: int) -> NDArray[np.complex128]:
    """Return (B,) sums over resampled utterances, as errors + i·sizes."""
    # Sorted, so that the order of the utterances does not matter.
    utterances = np.sort(np.asarray(errors) + 1j * np.asarray(sizes))
    count = len(utterances)
    assert count > 0, "a rate needs utterances"
    generator = np.random.default_rng(seed)
    at_once = max(1, _DRAWS_AT_ONCE // count)
    chunks = [
        utterances[generator.integers(count, size=(min(at_once, replicates - start), count))].sum(axis=1)
        for start in range(0, replicates, at_once)
    ]
    return np.concatenate(chunks)


def _rates(sums: NDArray[np.complex128]) -> NDArray[np.float64]:
    return sums.real / np.maximum(sums.imag, 1)  # empty references: 0 without errors


def _middle(values: NDArray[np.float64], confidence: float, count: int) -> tuple[float, float]:
    tail = _expanded((1 - confidence) / 2, count)
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def _expanded(tail: float, count: int) -> float:
    """Return the share of replicates to cut at each end.

    It is expanded for s = `count`, so that `tail` of the true rates lie beyond each end.
    """
    normal, degrees = NormalDist(), max(count - 1, 1)
    z = normal.inv_cdf(1 - tail)
    # Quantile of the t distribution, by its expansion about the normal one (Cornish and Fisher).
    t = z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    return normal.cdf(-t * math.sqrt(count / degrees))
