"""Settings of the next trial: drawn at random at first, then proposed by a model of the trials before it.

The model is a Gaussian process over the settings and the fidelity of a score (Kandasamy et al., Multi-fidelity Bayesian
Optimisation with Continuous Approximations, ICML 2017, have the fidelity as a coordinate; Swersky et al., Freeze-Thaw
Bayesian Optimization, 2014, the question). The proposal has the largest expected improvement (Jones et al., Efficient
Global Optimization of Expensive Black-Box Functions, 1998) at the last epoch among candidates drawn from the space.

A proposal is a function of the plan, the trial's number and the trials before it: no clock, no state. It is rounded
before candidates are compared, so that the last bits of a matrix product decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tune_asr.config.scalars import identity
from tune_asr.space.asha import milestones
from tune_asr.space.history import (
    History,
    Point,
    Schedule,
    WarmPoint,
    normal_scores,
    points_of_trials,
    points_of_warm_start,
)
from tune_asr.space.plan import Plan, hashed

if TYPE_CHECKING:
    from tune_asr.space.linear_algebra import Array

Settings = dict[str, JsonValue]

FEWEST = 8
"""Trials with a point before the model is asked."""
WARM_UNTIL = 16
"""Trials with a point from which an earlier search is left out."""
MOST_POINTS = 160
CANDIDATES = 2_000


def propose(plan: Plan, number: int, tried: Sequence[History], warm: Sequence[WarmPoint] = ()) -> Settings:
    """Return the settings of a trial.

    Args:
        plan: space and base configuration.
        number: number of the trial.
        tried: trials created before it, in the order of their numbers.
        warm: scores of an earlier search over the same keys.
    """
    if plan.is_base(number) or all(distribution.is_grid for distribution in plan.distributions.values()):
        return plan.settings(number)
    schedule = schedule_of(plan)
    own = points_of_trials(tried, schedule)
    num_own = sum(map(bool, own))
    earlier = _earlier_points(plan, warm, schedule) if warm and num_own < WARM_UNTIL else []
    num_known = num_own + len({identity(point.params) for point in earlier})
    taken = {identity(history.params) for history in tried}
    if num_known >= FEWEST:
        candidates = {identity(settings): settings for settings in _candidates(plan, number)}
        if fresh := [settings for text, settings in candidates.items() if text not in taken]:
            return _Model(plan, tried, own, earlier).most_promising(fresh)
    else:
        for settings in chain([plan.settings(number)], _candidates(plan, number)):
            if identity(settings) not in taken:
                return settings
    # No setting is left, so one is repeated with another seed.
    if num_known == 0:
        return plan.settings(number)
    return _Model(plan, tried, own, earlier).lowest(list(_candidates(plan, number)))


class _Model:
    """Gaussian process over settings and fidelity, given trials."""

    def __init__(
        self, plan: Plan, tried: Sequence[History], own: Sequence[Sequence[Point]], earlier: Sequence[Point]
    ) -> None:
        # Not before the first question, because the search starts without numpy.
        import numpy as np

        from tune_asr.space.coordinates import Coordinates
        from tune_asr.space.gaussian_process import Posterior, fit

        self._coordinates = Coordinates(plan.distributions)
        latest = list(chain.from_iterable(own))[-MOST_POINTS:]
        earlier = earlier[max(0, len(earlier) + len(latest) - MOST_POINTS) :]
        points, values = [*earlier, *latest], normal_scores([point.value for point in latest])
        x = self._coordinates.at([point.params for point in points], [point.fidelity for point in points])
        y = np.array(normal_scores([point.value for point in earlier]) + values)
        kernel = fit(x, y)
        self._posterior = Posterior(kernel, x, y)
        if waiting := [h.params for h, points in zip(tried, own, strict=True) if h.outcome == "open" and not points]:
            there = self._at_the_end(waiting)
            expected = self._posterior.mean(there)
            self._posterior = Posterior(kernel, np.vstack([x, there]), np.append(y, expected))
        finals = [value for point, value in zip(latest, values, strict=True) if point.fidelity == 1.0]
        before = [history.params for history in tried]
        means: list[float] = self._posterior.mean(self._at_the_end(before)).tolist() if before else []
        # Without a trial of its own a search improves on the mean of the earlier one.
        self._best = min([*finals, *means], default=0.0)

    def most_promising(self, candidates: Sequence[Settings]) -> Settings:
        """Return the candidate of the largest expected improvement.

        It is that at the last epoch; the first of equals wins.
        """
        means, deviations = self._posterior.mean_and_deviation(self._at_the_end(candidates))
        gains = [
            _rounded(_expected_improvement(self._best - mean, deviation))
            for mean, deviation in zip(means.tolist(), deviations.tolist(), strict=True)
        ]
        return candidates[gains.index(max(gains))]

    def lowest(self, candidates: Sequence[Settings]) -> Settings:
        """Return the candidate of the lowest expected value."""
        means = [_rounded(mean) for mean in self._posterior.mean(self._at_the_end(candidates)).tolist()]
        return candidates[means.index(min(means))]

    def _at_the_end(self, settings: Sequence[Mapping[str, JsonValue]]) -> Array:
        return self._coordinates.at(settings, [1.0] * len(settings))


def _expected_improvement(gain: float, deviation: float) -> float:
    """Return sd (z Phi(z) + phi(z)), z = gain/sd."""
    z = gain / deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return deviation * (z * math.erfc(-z / math.sqrt(2)) / 2 + density)


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")


def _candidates(plan: Plan, number: int) -> Iterator[Settings]:
    """Draw settings in the trial's combination of the grids.

    One in three ignores the priors.
    """
    seed, cell, flat = plan.space.search.seed, plan.cell(number), plan.without_priors
    for index in range(CANDIDATES):
        source = flat if index % 3 == 2 else plan
        yield source.draw(cell, partial(hashed, seed, number, index))


def _earlier_points(plan: Plan, warm: Sequence[WarmPoint], schedule: Schedule) -> list[Point]:
    """Return an earlier search's points inside the space."""
    from tune_asr.space.coordinates import Coordinates

    coordinates = Coordinates(plan.distributions)
    return points_of_warm_start([point for point in warm if coordinates.cover(point.params)], schedule)


def schedule_of(plan: Plan) -> Schedule:
    """Return the epochs of comparisons in a plan."""
    asha, last = plan.space.asha, plan.last_epoch
    return Schedule(asha.grace_period, last, milestones(asha.grace_period, asha.reduction_factor, last))
