"""Conditions of searched keys: `when: {model.target: bigru_ctc}`.

A key is on if the keys in its `when` are on, and each has one of the values given there. So the conditions of a key
are its own and, in turn, those of the keys that it names: all of them together are its needs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from tune_asr.space.distributions import Distribution, is_among

Needs = Mapping[str, Sequence[JsonValue]]
"""Values of other searched keys under which a key is on."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Needs of the keys that are not always on."""

    needs: Mapping[str, Needs] = field(default_factory=dict)
    """Needs of each key that has any, those of the keys in its `when` among them."""
    cells: Sequence[int] | None = None
    """Numbers of the combinations of the grids that differ; None: every combination."""

    def on(self, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the values of the keys that are on.

        Args:
            values: values of all keys, of those that are off as well.
        """
        return {key: value for key, value in values.items() if holds(self.needs.get(key, {}), values)}


def distinct_cells(searched: Mapping[str, Distribution], needs: Mapping[str, Needs], most: int) -> Sequence[int]:
    """Return the numbers of the combinations that differ.

    Combinations that differ only in keys that are off are one.

    Args:
        searched: distributions by key.
        needs: needs of each key.
        most: number of combinations above which all are returned.
    """
    grids = {key: distribution.arguments for key, distribution in searched.items() if distribution.is_grid}
    every = range(math.prod(map(len, grids.values())))
    decided = {key: {k: v for k, v in needs.get(key, {}).items() if k in grids} for key in grids}
    if len(every) > most or not any(decided.values()):
        return every
    first: dict[str, int] = {}
    for number in every:
        values = combination(grids, number)
        first.setdefault(repr([v if holds(decided[k], values) else holds for k, v in values.items()]), number)
    return tuple(first.values())


def combination(grids: Mapping[str, Sequence[JsonValue]], number: int) -> dict[str, JsonValue]:
    """Return one combination; the first key turns fastest."""
    values = {}
    for key, arguments in grids.items():
        number, position = divmod(number, len(arguments))
        values[key] = arguments[position]
    return values


def holds(needed: Needs, values: Mapping[str, JsonValue]) -> bool:
    """Return whether values of other keys meet all needs."""
    return all(key in values and is_among(values[key], wanted) for key, wanted in needed.items())
