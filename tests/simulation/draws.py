"""Repeats of a search on a table, the same for whoever searches."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.simulation.curves import Table


@dataclass(frozen=True, slots=True)
class Draw:
    """One repeat of a search: the rows in the order of the random draws, and a seed."""

    table: Table
    order: Sequence[int]
    trials: int
    seed: int
    slots: int = 2
    grace: int = 3
    """First epoch that judges."""


def draws(table: Table, trials: int, repeats: int, slots: int = 2, grace: int = 3) -> Iterator[Draw]:
    """Yield the repeats, the same for each rule."""
    for seed in range(repeats):
        order = list(range(len(table)))
        random.Random(seed).shuffle(order)
        yield Draw(table, order, trials, seed, slots, grace)
