"""Importance of each searched key, with its uncertainty.

PED-ANOVA (Watanabe et al., 2023): a key matters if its values among the best quarter of the trials are distributed
otherwise than among all. The measure is the Pearson divergence of two Parzen estimates. A key that a trial does not
have is counted by the trials that have it (Watanabe et al., 2026, for spaces that branch).

Any finite number of trials shows some divergence, so two measurements stand beside it: the divergence after the results
are shuffled, which is chance, and that of resampled trials, which gives the interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST = 16
"""Trials below which nothing is estimated: their best quarter is a handful."""
_BEST = 0.25
_GRID = 32
"""Points at which densities of numbers are compared."""
_REPLICATES = 200
_CONFIDENCE = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Importance:
    """Share of one key in being among the best."""

    key: str
    share: float
    """Divergence beyond chance, as a part of that of all keys."""
    low: float
    """Low end of the 95 % interval of `share`."""
    high: float
    is_sure: bool
    """Whether shuffled results give less in 95 % of cases."""


def importances(places: Mapping[str, ArrayLike], categories: Mapping[str, int], values: ArrayLike) -> list[Importance]:
    """Estimate the importance of each key, the largest first.

    Args:
        places: (n,) value of each trial by key, from 0 to 1, or the index of a category; NaN for a trial without it.
        categories: number of categories, by the keys that have them.
        values: (n,) results of the trials; lower is better.

    Returns:
        Nothing for fewer than `FEWEST` trials, or if all results are equal.
    """
    results = np.asarray(values, np.float64)
    count = len(results)
    if count < FEWEST or not np.ptp(results):
        return []
    generator = np.random.default_rng(0)
    order = np.argsort(results, kind="stable")
    shuffled = generator.permuted(np.tile(order, (_REPLICATES, 1)), axis=1)
    once = np.ones((_REPLICATES, count))
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=_REPLICATES).astype(np.float64)
    samples = [
        _Sample.of(once[:1], order[None]),
        _Sample.of(once, shuffled),
        _Sample.of(drawn, np.tile(order, (_REPLICATES, 1))),
        _Sample.of(drawn, shuffled),
    ]
    densities = _Densities(places, categories)
    found, chance, replicates, their_chance = map(densities.divergences, samples)
    share = _shares(found - chance.mean(axis=1, keepdims=True))[:, 0]
    spread = _shares(replicates - their_chance.mean(axis=1, keepdims=True))
    low, high = np.quantile(spread, ((1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2), axis=1)
    sure = found[:, 0] > np.quantile(chance, _CONFIDENCE, axis=1)
    rows = [
        Importance(key, float(share[i]), float(min(low[i], share[i])), float(max(high[i], share[i])), bool(sure[i]))
        for i, key in enumerate(places)
    ]
    return sorted(rows, key=lambda row: (-row.share, row.key))


def _shares(beyond: Floats) -> Floats:
    """Return (keys, replicates) parts of the sum over keys."""
    positive = np.maximum(beyond, 0)
    shares: Floats = positive / np.maximum(positive.sum(axis=0), 1e-12)
    return shares


@dataclass(frozen=True, slots=True)
class _Sample:
    """Weights of all trials, and of their best quarter."""

    everywhere: Floats
    """(b, n) number of times that each trial counts."""
    best: Floats
    """(b, n) the same for the best."""

    @classmethod
    def of(cls, weights: Floats, orders: NDArray[np.int64]) -> _Sample:
        """Choose the best of weighted trials.

        Args:
            weights: (b, n) number of times that each trial counts.
            orders: (b, n) trials, the best first.
        """
        ordered = np.take_along_axis(weights, orders, axis=1)
        before = np.cumsum(ordered, axis=1) - ordered
        best = np.zeros_like(weights)
        room = _BEST * ordered.sum(axis=1, keepdims=True)
        np.put_along_axis(best, orders, np.clip(room - before, 0, ordered), axis=1)
        return cls(weights, best)


class _Densities:
    """Densities of all keys' values under weights of trials.

    Args:
        places: (n,) values by key, NaN for a trial without one.
        categories: number of categories, by the keys that have them.
    """

    def __init__(self, places: Mapping[str, ArrayLike], categories: Mapping[str, int]) -> None:
        kernels = [_kernel(np.asarray(place, np.float64), categories.get(key)) for key, place in places.items()]
        self._points = [kernel.shape[1] for kernel in kernels]
        self._kernel = np.concatenate(kernels, axis=1)

    def divergences(self, sample: _Sample) -> Floats:
        """Return (keys, b) Pearson divergences of best and all."""
        everywhere, best = self._estimates(sample.everywhere), self._estimates(sample.best)
        return np.array([_divergence(*pair) for pair in zip(everywhere, best, strict=True)])

    def _estimates(self, weights: Floats) -> Iterator[tuple[Floats, Floats]]:
        """Yield probabilities and the share of trials with each key.

        They are (b, points), with a uniform prior of weight 1, and (b,).
        """
        total = weights.sum(axis=1)
        for sums in np.split(weights @ self._kernel, np.cumsum(self._points)[:-1], axis=1):
            number = sums.sum(axis=1)
            yield (sums + 1 / sums.shape[1]) / (number[:, None] + 1), number / total


def _divergence(everywhere: tuple[Floats, Floats], best: tuple[Floats, Floats]) -> Floats:
    """Return the (b,) Pearson divergences of one key.

    Each argument has the probabilities and the share of trials with the key.
    """
    (p, among_all), (q, among_best) = everywhere, best
    divergence: Floats = among_best**2 / np.maximum(among_all, 1e-12) * (p * (q / p - 1) ** 2).sum(axis=1)
    return divergence


def _kernel(place: Floats, categories: int | None) -> Floats:
    """Return (n, points) parts of each value, zero without one."""
    has = ~np.isnan(place)
    known = np.where(has, place, 0)
    if categories:
        kernel = np.eye(categories)[known.astype(int)]
    else:
        width = max(1.06 * float(np.std(known[has])) * has.sum() ** -0.2, 1 / _GRID)
        grid = (np.arange(_GRID) + 0.5) / _GRID
        kernel = np.exp(-0.5 * ((known[:, None] - grid) / width) ** 2)
        kernel /= kernel.sum(axis=1, keepdims=True)
    parts: Floats = kernel * has[:, None]
    return parts


def places_of(values: Sequence[float | None]) -> Floats:
    """Return values as an array, NaN for None."""
    return np.array([np.nan if value is None else value for value in values])
