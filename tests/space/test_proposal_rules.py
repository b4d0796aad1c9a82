"""Rules of the model's proposals, one by one."""

from __future__ import annotations

import itertools
from statistics import mean

import pytest

from tests.space.test_plan import plan_of
from tests.space.test_proposals import EIGHT, curve, drawn
from tune_asr.space.history import History, WarmPoint, points_of_trials
from tune_asr.space.plan import Plan
from tune_asr.space.proposals import _candidates, _Model, propose, schedule_of


def model(plan: Plan, tried: list[History]) -> _Model:
    return _Model(plan, tried, points_of_trials(tried, schedule_of(plan)), [])


def test_two_of_three_candidates_follow_the_prior():
    plan = plan_of({"model.dropout": {"uniform": [0.0, 1.0], "around": 0.9, "confidence": "high"}}, include_base=False)
    values = [settings["model.dropout"] for settings in _candidates(plan, 5)]
    assert [mean(values[start::3]) for start in range(3)] == pytest.approx([0.86, 0.86, 0.5], abs=0.03)


def test_first_of_equal_candidates_wins():
    """Mirrored settings gain the same, but for the last bits."""
    plan = plan_of({"model.dropout": {"uniform": [0.0, 1.0]}}, include_base=False)
    tried = [
        History({"model.dropout": place}, curve(distance), "whole")
        for distance in (0.05, 0.15, 0.3, 0.45)
        for place in (0.5 - distance, 0.5 + distance)
    ]
    found = model(plan, tried)
    for index in range(1, 50):
        pair = [{"model.dropout": 0.5 - index / 100}, {"model.dropout": 0.5 + index / 100}]
        for each in (pair, pair[::-1]):
            assert found.most_promising(each) == found.lowest(each) == each[0]


def test_latest_points_alone_count():
    """Four points a trial: those of 20 of 60 trials are left out."""
    plan = plan_of(EIGHT, seed=2)
    tried = drawn(plan, 60)

    def with_another(number: int) -> dict:
        again = History(tried[number].params, curve(0.0), "whole")
        return propose(plan, 60, [*tried[:number], again, *tried[number + 1 :]])

    assert with_another(5) == with_another(19) == propose(plan, 60, tried)
    assert with_another(20) != propose(plan, 60, tried) != with_another(55)


def test_latest_points_of_an_earlier_search_count():
    """Three points a trial, in what 40 points of this search leave of 160."""
    plan, old = plan_of(EIGHT, seed=2), drawn(plan_of(EIGHT, seed=9, include_base=False), 60)

    def proposal(*other: int) -> dict:
        curves = [curve(0.0) if number in other else history.scores for number, history in enumerate(old)]
        rungs = itertools.product(zip(old, curves, strict=True), (3, 6, 12))
        warm = [WarmPoint(history.params, epoch, scores[epoch - 1]) for (history, scores), epoch in rungs]
        return propose(plan, 10, drawn(plan, 10), warm)

    assert proposal(5) == proposal(19) == proposal()
    assert proposal(20) != proposal()


def test_earlier_search_is_ranked_by_itself():
    """That all its scores are better changes nothing."""
    plan, old = plan_of(EIGHT, seed=2), drawn(plan_of(EIGHT, seed=9, include_base=False), 12)

    def proposal(offset: float) -> dict:
        warm = [WarmPoint(history.params, e, history.scores[e - 1] + offset) for history in old for e in (3, 6, 12)]
        return propose(plan, 10, drawn(plan, 10), warm)

    assert proposal(-8.0) == proposal(0.0) == proposal(8.0)
