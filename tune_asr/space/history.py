"""Earlier trials as points of the model: settings, fidelity and predicted final score.

A trial is worth a point at each rung that it left, and at its last epoch. Early scores of CTC mislead, so a point keeps
the epoch as its fidelity, and its score is continued to the last epoch H by what other trials gained from there:

    rest(e) = sum over i = e .. H - 1 of the median of s(t, i + 1) - s(t, i)          s: best score so far

The median is over the trials that came to i + 1 and did not diverge.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import Literal, NamedTuple

from pydantic import JsonValue

from tune_asr.config.scalars import identity

Outcome = Literal["open", "whole", "early", "diverged", "worst", "void"]


@dataclass(frozen=True, slots=True)
class History:
    """One trial, as far as proposals need it."""

    params: Mapping[str, JsonValue]
    """Values of the searched keys; a key that is switched off is absent."""
    scores: Sequence[float]
    """Best score so far after epoch e at index e - 1; infinite until one is finite."""
    outcome: Outcome
    """End of the trial.

    open: runs, waits or was created; whole: finished or pruned; early: ended by early stopping; diverged; worst: failed
    because of its settings, or beyond a limit; void: failed for another reason.
    """


class WarmPoint(NamedTuple):
    """Score of an earlier search at one of its rungs."""

    params: Mapping[str, JsonValue]
    epoch: int
    score: float


class Point(NamedTuple):
    """Predicted final score of one setting, seen from one epoch."""

    params: Mapping[str, JsonValue]
    fidelity: float
    """0 at the grace period, 1 at the last epoch, in the logarithm of epochs."""
    value: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Epochs at which trials of a search are compared."""

    grace: int
    """First epoch of comparisons (g)."""
    last: int
    """Last epoch of a trial (H)."""
    rungs: Sequence[int]

    def fidelity(self, epoch: int) -> float:
        """Return the logarithmic place of an epoch, 0 to 1."""
        if epoch >= self.last or self.grace >= self.last:
            return 1.0
        return max(0.0, math.log(epoch / self.grace) / math.log(self.last / self.grace))


def points_of_trials(tried: Sequence[History], schedule: Schedule) -> list[list[Point]]:
    """Return the points of each trial, by epoch."""
    curves = [dict(enumerate(history.scores, 1)) for history in tried if history.outcome != "diverged"]
    rest = _rest(curves, range(schedule.grace, schedule.last + 1))
    return [list(_points(history, schedule, rest)) for history in tried]


def _points(history: History, schedule: Schedule, rest: Mapping[int, float]) -> Iterator[Point]:
    last = min(len(history.scores), schedule.last)
    if history.outcome in ("diverged", "worst"):
        yield Point(history.params, 1.0, math.inf)
    if history.outcome in ("diverged", "worst", "void"):
        return
    if schedule.grace >= schedule.last:  # nothing is judged: only the end of a trial counts
        if history.outcome != "open" and last:
            yield Point(history.params, 1.0, history.scores[last - 1])
        return
    if last < schedule.grace:
        return
    for epoch in (*(rung for rung in schedule.rungs if rung < last), last):
        is_end = epoch == last and history.outcome == "early"
        gain = 0.0 if is_end else rest[epoch]
        yield Point(history.params, 1.0 if is_end else schedule.fidelity(epoch), history.scores[epoch - 1] + gain)


def points_of_warm_start(warm: Sequence[WarmPoint], schedule: Schedule) -> list[Point]:
    """Return the points of an earlier search.

    Its own gains from rung to rung continue the scores.
    """
    curves: dict[str, dict[int, float]] = {}
    for point in warm:
        curves.setdefault(identity(point.params), {})[point.epoch] = point.score
    rest = _rest(list(curves.values()), sorted({point.epoch for point in warm}))
    return [Point(p.params, schedule.fidelity(p.epoch), p.score + rest[p.epoch]) for p in warm]


def _rest(curves: Sequence[Mapping[int, float]], epochs: Sequence[int]) -> dict[int, float]:
    """Return the expected gain from each epoch to the last.

    It is the sum of the median gains between neighbours, 0 if no trial shows one.
    """
    rest = dict.fromkeys(epochs, 0.0)
    for epoch, following in reversed(list(itertools.pairwise(epochs))):
        pairs = [(curve[epoch], curve[following]) for curve in curves if epoch in curve and following in curve]
        gains = [after - before for before, after in pairs if math.isfinite(before) and math.isfinite(after)]
        rest[epoch] = rest[following] + (median(gains) if gains else 0.0)
    return rest


def normal_scores(values: Sequence[float]) -> list[float]:
    """Return the normal quantile of each value's rank.

    By Blom's formula; ties share their mean rank.
    """
    order = sorted(range(len(values)), key=lambda index: values[index])
    scores, normal, before = [0.0] * len(values), NormalDist(), 0
    for _, group in itertools.groupby(order, key=lambda index: values[index]):
        tied = list(group)
        rank = before + (len(tied) + 1) / 2
        for index in tied:
            scores[index] = normal.inv_cdf((rank - 3 / 8) / (len(values) + 1 / 4))
        before += len(tied)
    return scores
