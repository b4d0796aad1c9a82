"""Standard errors of error rates, and the difference of two means over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEPS = 2_000
"""Steps of the integral below `t_quantile`; more change no digit that is shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of two mean error rates, with its 95 % interval."""

    mean: float
    """First minus second: below 0 if the first is better."""
    low: float
    high: float
    """Ends of the interval; infinite if each setting has one seed."""

    @property
    def is_sure(self) -> bool:
        """True if the interval leaves out 0."""
        return not self.low <= 0 <= self.high


def standard_error(errors: NDArray[np.int64] | NDArray[np.float64], words: NDArray[np.int64]) -> float:
    """Return the standard error of a ratio of sums.

    The ratio is Σ errors / Σ words; the method is the delta method.
    """
    residuals = errors - errors.sum() / words.sum() * words
    count = len(residuals)
    return math.sqrt(float(residuals @ residuals) * count / max(count - 1, 1)) / float(words.sum())


def difference_of_means(first: Sequence[float], second: Sequence[float], utterances: ArrayLike = 0.0) -> Difference:
    """Return the difference of two settings' means over seeds.

    Two things vary: the seeds, and the utterances on which all are scored. Their variances add up, and the degrees of
    freedom follow Welch and Satterthwaite.

    Args:
        first: error rates of one setting, one for each seed; one at least.
        second: those of the other setting.
        utterances: standard error of the difference over utterances; 0 if it is not known.
    """
    parts = [(float(np.square(utterances)), math.inf)]
    parts += [(variance(rates) / len(rates), len(rates) - 1) for rates in (first, second) if len(rates) > 1]
    if min(len(first), len(second)) < 2 <= max(len(first), len(second)):
        # The single seed of one setting is taken to vary as those of the other.
        many, few = sorted((first, second), key=len, reverse=True)
        parts.append((variance(many) / len(few), len(many) - 1))
    mean, total = fmean(first) - fmean(second), sum(part for part, _ in parts)
    if max(len(first), len(second)) < 2:
        return Difference(mean, -math.inf, math.inf)
    uncertain = sum(part**2 / degrees for part, degrees in parts)
    half = t_quantile(0.975, total**2 / uncertain if uncertain else math.inf) * math.sqrt(total)
    return Difference(mean, mean - half, mean + half)


def t_quantile(probability: float, freedom: float) -> float:
    """Return a quantile of Student's t distribution.

    Args:
        probability: above 0.5, below 1.
        freedom: degrees of freedom, at least 1; fractions and infinity too.
    """
    # With t = sqrt(f) tan(a), the density is proportional to cos(a) ** (f - 1): the integral of a smooth function over
    # a bounded range. Beyond 10,000 degrees the distribution is normal to five digits.
    freedom = min(freedom, 1e4)
    angle = np.linspace(0.0, math.pi / 2, _STEPS + 1)
    middle = (angle[1:] + angle[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(np.cos(middle) ** (freedom - 1))])
    found = float(np.interp(2 * probability - 1, below / below[-1], angle))
    return math.sqrt(freedom) * math.tan(found)
