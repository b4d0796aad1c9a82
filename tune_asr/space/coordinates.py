"""Settings as coordinates in [0, 1], between which the model measures distances.

    numbers            position between the bounds, in logarithms for log distributions; whole and quantised ones at the
                       centre of their step
    lists of numbers   rank
    other lists        one coordinate a value: 1/sqrt(2) or 0, so two values are 1 apart
    absent keys        0.5: the key that switches them off tells settings apart

A setting may hold values outside the space, as the base configuration does: numbers are clipped, or take the rank of
the nearest; any other value is 0 in each coordinate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from pydantic import JsonValue

from tune_asr.config.scalars import identity
from tune_asr.space.distributions import Distribution
from tune_asr.space.linear_algebra import Array
from tune_asr.space.priors import is_number

_Axes = Callable[[JsonValue], tuple[float, ...]]
_ABSENT = 0.5


class Coordinates:
    """Coordinates of settings in one space."""

    def __init__(self, distributions: Mapping[str, Distribution]) -> None:
        self._distributions = distributions
        self._axes = {key: _axes(distribution) for key, distribution in distributions.items()}
        self._absent = {key: (_ABSENT,) * len(axes(None)) for key, axes in self._axes.items()}

    def at(self, settings: Iterable[Mapping[str, JsonValue]], fidelities: Iterable[float]) -> Array:
        """Return a row for each setting, its fidelity last."""
        rows = [[*self._row(values), fidelity] for values, fidelity in zip(settings, fidelities, strict=True)]
        return np.array(rows, dtype=np.float64)

    def cover(self, values: Mapping[str, JsonValue]) -> bool:
        """Return True if each value lies inside the space."""
        known = self._distributions
        return all(key in known and known[key].covers(value) for key, value in values.items())

    def _row(self, values: Mapping[str, JsonValue]) -> Iterable[float]:
        for key, axes in self._axes.items():
            yield from axes(values[key]) if key in values else self._absent[key]


def _axes(distribution: Distribution) -> _Axes:
    if not distribution.is_listed:
        return lambda value: (_position(distribution, value),)
    listed = distribution.arguments
    if all(map(is_number, listed)):
        return _ranks(sorted({float(value) for value in listed}))
    return _names(dict.fromkeys(map(identity, listed)))


def _names(names: Iterable[str]) -> _Axes:
    places = {name: place for place, name in enumerate(names)}

    def one(value: JsonValue) -> tuple[float, ...]:
        place = places.get(identity(value))
        return tuple(math.sqrt(0.5) * (place == other) for other in range(len(places)))

    return one


def _position(distribution: Distribution, value: JsonValue) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        return _ABSENT
    return distribution.position(value)


def _ranks(numbers: list[float]) -> _Axes:
    ranks = {number: index / max(1, len(numbers) - 1) for index, number in enumerate(numbers)}

    def rank(value: JsonValue) -> tuple[float, ...]:
        if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
            return (_ABSENT,)
        return (ranks[min(numbers, key=lambda number: abs(number - value))],)

    return rank
