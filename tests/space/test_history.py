"""Points of trials, and normal scores of their values."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from tune_asr.space.history import (
    History,
    Schedule,
    WarmPoint,
    normal_scores,
    points_of_trials,
    points_of_warm_start,
)

WITH_RUNGS = Schedule(2, 8, [2, 4])
WITHOUT = Schedule(8, 8, [])


def history(*scores: float, outcome: str = "whole") -> History:
    return History({"x": 1}, scores, outcome)


def values(histories, schedule=WITH_RUNGS) -> list[list[tuple[float, float]]]:
    points = points_of_trials(histories, schedule)
    return [[(round(p.fidelity, 6), round(p.value, 6)) for p in trial] for trial in points]


def test_points_are_rungs_and_last_epoch():
    trial = history(9, 8, 7, 6, 5, 4, 3, 2)
    assert values([trial]) == [[(0.0, 2.0), (0.5, 2.0), (1.0, 2.0)]]


def test_last_epoch_between_rungs_counts():
    whole = history(9, 8, 7, 6, 5, 4, 3, 2)
    ((_, (fidelity, value)),) = values([whole, history(9, 8, 7, outcome="open")])[1:]
    assert fidelity == round(math.log(1.5) / math.log(4), 6) and value == 7 - 5


def test_gains_are_medians_of_epochs():
    """Each step's median is over the trials that took it, and zero without one."""
    trials = [history(9, 8, 7), history(9, 8, 5), history(9, 8, 4)]
    assert values(trials)[0][0] == (0.0, 8 - 3)


@pytest.mark.parametrize("outcome", ["open", "whole", "early"])
def test_trials_before_grace_have_no_point(outcome):
    assert values([history(9, outcome=outcome)]) == [[]]


def test_early_stopped_trial_ends_at_full_fidelity():
    """Its last value is its final one, and gains nothing more."""
    whole = history(9, 8, 7, 6, 5, 4, 3, 2)
    assert values([whole, history(9, 8, 7, 6, 5, outcome="early")])[1] == [(0.0, 2.0), (0.5, 2.0), (1.0, 5.0)]


@pytest.mark.parametrize("outcome", ["worst", "diverged"])
def test_worst_trial_has_one_infinite_point(outcome):
    assert values([history(1, 1, 1, 1, 1, outcome=outcome)]) == [[(1.0, math.inf)]]


def test_diverged_trial_adds_no_gain():
    """One beyond a limit does: a base that is trained on shows what epochs bring."""
    assert values([history(9, 8), history(9, 8, 1, outcome="diverged")])[0] == [(0.0, 8.0)]
    assert values([history(9, 8), history(9, 8, 1, outcome="worst")])[0] == [(0.0, 1.0)]


def test_void_trial_has_no_point():
    assert values([history(9, 8, 7, 6, outcome="void")]) == [[]]


@pytest.mark.parametrize("schedule", [WITHOUT, Schedule(12, 8, [])])
def test_without_rungs_only_ends_count(schedule):
    """A grace period at or above the last epoch judges nothing."""
    trials = [history(3, 2, 1), history(3, 2, 1, outcome="open"), history(), history(3, outcome="worst")]
    assert values(trials, schedule) == [[(1.0, 1.0)], [], [], [(1.0, math.inf)]]


def test_epochs_beyond_the_last_are_left_out():
    assert values([history(*range(20, 0, -1))])[0][-1] == (1.0, 13.0)


def test_infinite_scores_add_no_gain():
    """A loss that is not a number at first, then one."""
    trials = [history(math.inf, math.inf, 5, 4), history(9, 8, 7, 6)]
    assert values(trials)[1] == [(0.0, 8 - 2), (0.5, 6.0)]
    assert values([history(*[math.inf] * 8)]) == [[(0.0, math.inf), (0.5, math.inf), (1.0, math.inf)]]


def test_warm_points_gain_as_their_own_search():
    one, other = {"x": 1}, {"x": 2}
    warm = [WarmPoint(one, 2, 9.0), WarmPoint(one, 4, 6.0), WarmPoint(one, 16, 5.0), WarmPoint(other, 2, 8.0)]
    points = points_of_warm_start(warm, WITH_RUNGS)
    assert [(p.fidelity, p.value) for p in points] == [(0.0, 5.0), (0.5, 5.0), (1.0, 5.0), (0.0, 4.0)]


def test_warm_points_before_grace_stay_inside():
    (point,) = points_of_warm_start([WarmPoint({}, 1, 1.0)], WITH_RUNGS)
    assert point.fidelity == 0.0


def test_normal_scores_follow_blom():
    assert normal_scores([3.0, 1.0, 2.0]) == [NormalDist().inv_cdf((r - 0.375) / 3.25) for r in (3, 1, 2)]


def test_ties_share_their_mean_rank():
    first, tied, other, last = normal_scores([0.0, math.inf, math.inf, -1.0])
    assert tied == other == NormalDist().inv_cdf((3.5 - 0.375) / 4.25)
    assert last < first < tied
    assert normal_scores([5.0] * 7) == [0.0] * 7
    assert normal_scores([]) == []
