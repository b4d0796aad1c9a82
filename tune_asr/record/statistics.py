"""How sure a word error rate is: the bootstrap over utterances.

M. Bisani and H. Ney, *Bootstrap estimates for confidence intervals in ASR performance evaluation*,
ICASSP 2004. A replicate b = 1 … B draws s utterances with replacement from the s that were scored, and
has its own rate W*b = Σ errors / Σ words; the interval holds the middle of all W*b. For two systems the
same draw is scored by both, which removes what the utterances themselves contribute.

Utterances with the same counts cannot be told apart by W*b. So a draw of s utterances is one draw from
the multinomial distribution over the distinct counts: the same law, in a fraction of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CELLS = 1 << 20
"""Replicates times distinct counts that are in memory at once: 8 MiB."""


def wer_interval(
    errors: ArrayLike, words: ArrayLike, *, replicates: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The percentile interval of a word error rate.

    Args:
        errors: (s,) substitutions + deletions + insertions of each utterance.
        words: (s,) words of each reference.
        replicates: B in the paper.
        confidence: the share of replicates inside the interval.
        seed: the same counts and seed give the same interval, in whatever order the utterances stand.

    Returns:
        Its low and its high end, as fractions.
    """
    totals = _replicates(np.stack([np.asarray(errors), np.asarray(words)]), replicates, seed)
    return _middle(totals[:, 0] / np.maximum(totals[:, 1], 1), confidence)


def paired_difference(
    errors_a: ArrayLike,
    errors_b: ArrayLike,
    words: ArrayLike,
    *,
    replicates: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """The difference of two word error rates on the same utterances, a minus b: below 0 where a is better.

    Args:
        errors_a: (s,) errors of the first system.
        errors_b: (s,) errors of the second system, for the same utterances.
        words: (s,) words of each reference.
        replicates: B in the paper.
        confidence: the share of replicates inside the interval.
        seed: as for `wer_interval`.

    Returns:
        Low and high end of the interval (ΔW in the paper), and the probability that a is better: the share
        of replicates where it is (poi in the paper), those where the two are equal counted half.
    """
    counts = np.stack([np.asarray(errors_a), np.asarray(errors_b), np.asarray(words)])
    totals = _replicates(counts, replicates, seed)
    gains = totals[:, 1] - totals[:, 0]
    low, high = _middle(-gains / np.maximum(totals[:, 2], 1), confidence)
    return low, high, float(np.mean(gains > 0) + np.mean(gains == 0) / 2)


def _replicates(counts: NDArray[np.int64], replicates: int, seed: int) -> NDArray[np.int64]:
    """Sums over resampled utterances: `counts` is (k, s), the result (replicates, k)."""
    utterances = counts.shape[1]
    assert utterances > 0, "no utterances, no rate"
    distinct, frequency = np.unique(counts, axis=1, return_counts=True)
    generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS // len(frequency))
    chunks = [
        generator.multinomial(utterances, frequency / utterances, size=min(at_once, replicates - start)) @ distinct.T
        for start in range(0, replicates, at_once)
    ]
    return np.concatenate(chunks)


def _middle(values: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)
