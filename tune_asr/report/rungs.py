"""Order of the trials at each rung, and its predictions.

A rung is worth its place if the trials that lead there lead later too. This is measured by Spearman's rank correlation
over the trials that reached both: 1 if the order stayed, 0 if it was chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tune_asr.record.events import Decision, Report
from tune_asr.record.ranking import rung_metric, rung_value
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.space.plan import Plan
from tune_asr.wording import count

_FEWEST = 3
"""Fewest trials with an order that means something."""


@dataclass(frozen=True, slots=True)
class RungOrder:
    """Trials that reached one rung, or the end."""

    epoch: int
    at_end: bool
    """Whether this is the end, which finished trials reached."""
    values: dict[str, float]
    """Compared value of each trial; lower is better."""
    stopped: frozenset[str]
    """Trials stopped here."""

    @property
    def name(self) -> str:
        """Name in a sentence."""
        return "the end" if self.at_end else f"epoch {self.epoch}"


def rung_orders(state: SearchState, asked: str, metric: Metric = "val_wer") -> list[RungOrder]:
    """Return the rungs that trials reached, and the end.

    Args:
        state: trials with their decisions.
        asked: metric of the rungs, by which finished trials are compared too.
        metric: error rate that chooses the winner.
    """
    values: dict[int, dict[str, float]] = {}
    stopped: dict[int, set[str]] = {}
    for trial in state.drawn:
        for decision in filter(is_at_rung, trial.decisions):
            values.setdefault(decision.epoch, {})[trial.number] = decision.value
            if decision.verdict == "stop":
                stopped.setdefault(decision.epoch, set()).add(trial.number)
    orders = [RungOrder(epoch, False, values[epoch], frozenset(stopped.get(epoch, ()))) for epoch in sorted(values)]
    if not orders:
        return []
    is_best_so_far = bool(state.waves) or asked == "score"
    ends = {
        trial.number: min(known)
        for trial in state.drawn
        if trial.status == "finished"
        if (known := _known(trial.reports if is_best_so_far else trial.reports[-1:], asked, metric))
    }
    last_epoch = max((state.trials[number].epoch for number in ends), default=0)
    return [*orders, RungOrder(last_epoch, True, ends, frozenset())] if ends else orders


def _known(reports: Sequence[Report], asked: str, metric: Metric) -> list[float]:
    """Return the values that are finite."""
    return [value for report in reports if math.isfinite(value := rung_value(report, asked, metric))]


def is_at_rung(decision: Decision) -> bool:
    """Return whether a verdict was given at a rung.

    In waves a trial is also stopped between two rungs.
    """
    return decision.rung != -1


def asha_metric(plan: Plan | None, metric: Metric) -> str:
    """Return the score that rungs compare."""
    return rung_metric(plan.space.asha.metric, metric) if plan else "objective"


def predictions(orders: Sequence[RungOrder]) -> list[str]:
    """Return a sentence on each rung's prediction of the next."""
    return [_prediction(earlier, later) for earlier, later in pairwise(orders)]


def _prediction(earlier: RungOrder, later: RungOrder) -> str:
    both = sorted(earlier.values.keys() & later.values.keys())
    if len(both) < _FEWEST:
        return f"How well {earlier.name} predicts {later.name} is not known: {count(len(both), 'trial')} reached both."
    rho = rank_correlation([earlier.values[n] for n in both], [later.values[n] for n in both])
    if rho is None:
        return f"How well {earlier.name} predicts {later.name} is not known: at one of them all trials are equal."
    correlation = f"a rank correlation of {rho:+.2f} ({len(both)} trials)"
    return f"The order at {earlier.name} predicts that at {later.name} with {correlation}."


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float | None:
    """Return Spearman's rank correlation, None for a list of ties.

    Args:
        a: (n,) numbers.
        b: (n,) numbers.
    """
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    if not (np.ptp(ranks_a) and np.ptp(ranks_b)):
        return None
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1])


def _ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return (n,) ranks from 1; ties share their mean."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return ranks
