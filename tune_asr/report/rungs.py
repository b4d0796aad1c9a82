"""What happened at each rung of successive halving, and how well its order foretold the next one's.

A rung is worth its place where the trials that lead there lead later as well. That is measured by Spearman's rank
correlation over the trials that came to both: 1 where the order stayed, 0 where it meant nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tune_asr.record.ranking import rung_metric
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.space.plan import Plan

_FEWEST = 3
"""Trials: the order of two is a coin."""


@dataclass(frozen=True, slots=True)
class RungOrder:
    """The trials that came to one rung, or to the end."""

    epoch: int
    at_end: bool
    """Whether it is the end: what finished trials came to."""
    values: dict[str, float]
    """By trial, what they were compared by: lower is better."""
    stopped: frozenset[str]
    """The trials that were stopped here."""

    @property
    def name(self) -> str:
        """How people call it."""
        return "the end" if self.at_end else f"epoch {self.epoch}"


def rung_orders(state: SearchState, metric: str) -> list[RungOrder]:
    """Return every rung that a trial reached, the first one first, and the end if a trial finished.

    Args:
        state: trials with their decisions.
        metric: metric of the rungs, by which finished trials are compared too.
    """
    values: dict[int, dict[str, float]] = {}
    stopped: dict[int, set[str]] = {}
    for trial in state.trials.values():
        for decision in trial.decisions:
            values.setdefault(decision.epoch, {})[trial.number] = decision.value
            if decision.verdict == "stop":
                stopped.setdefault(decision.epoch, set()).add(trial.number)
    orders = [RungOrder(epoch, False, values[epoch], frozenset(stopped.get(epoch, ()))) for epoch in sorted(values)]
    if not orders:
        return []
    ends = {
        trial.number: value
        for trial in state.trials.values()
        if trial.status == "finished" and trial.reports
        if (value := trial.reports[-1].scores.get(metric)) is not None
    }
    last_epoch = max((state.trials[number].epoch for number in ends), default=0)
    return [*orders, RungOrder(last_epoch, True, ends, frozenset())] if ends else orders


def asha_metric(plan: Plan | None, metric: Metric) -> str:
    """Return the score that rungs compare, of a search that ranks by `metric`."""
    return rung_metric(plan.space.asha.metric, metric) if plan else "objective"


def foretold(orders: list[RungOrder]) -> list[str]:
    """A sentence for each rung: how well its order foretold the next one's."""
    return [_foretold(earlier, later) for earlier, later in pairwise(orders)]


def _foretold(earlier: RungOrder, later: RungOrder) -> str:
    both = sorted(earlier.values.keys() & later.values.keys())
    if len(both) < _FEWEST:
        return f"How well {earlier.name} foretold {later.name} cannot be said: {len(both)} came to both."
    rho = rank_correlation([earlier.values[n] for n in both], [later.values[n] for n in both])
    if rho is None:
        return f"How well {earlier.name} foretold {later.name} cannot be said: one of them put no trial before another."
    how_well = f"with a rank correlation of {rho:+.2f} ({len(both)} trials)"
    return f"The order at {earlier.name} foretold that at {later.name} {how_well}."


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float | None:
    """Spearman's rank correlation of two lists of n numbers, -1 to 1; None where one of them is all ties."""
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    if not (np.ptp(ranks_a) and np.ptp(ranks_b)):
        return None
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1])


def _ranks(values: ArrayLike) -> NDArray[np.float64]:
    """(n,) ranks from 1; those that tie share the mean of theirs."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return ranks
