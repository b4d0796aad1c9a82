"""Proposals in unusual searches: ties, few settings, many keys, odd values."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from tests.space.test_plan import plan_of
from tests.space.test_proposals import EIGHT, LISTS, bowl, curve, drawn, searched
from tune_asr.config.load import from_values
from tune_asr.space.history import History
from tune_asr.space.plan import Plan
from tune_asr.space.proposals import propose
from tune_asr.space.sections import AshaSection


@pytest.mark.parametrize("scores", [[1.5] * 24, [math.inf] * 24, [math.inf] * 3, [2.0] * 3])
@pytest.mark.parametrize("outcome", ["whole", "diverged", "worst", "early", "open"])
@pytest.mark.parametrize("count", [1, 8, 30])
def test_equal_scores_give_a_proposal(scores, outcome, count):
    """All tied, or none finite, or all diverged."""
    plan = plan_of(EIGHT, seed=8)
    tried = [History(plan.settings(number), scores, outcome) for number in range(count)]
    valid(plan, propose(plan, count, tried), count)


def valid(plan: Plan, settings: dict, number: int) -> None:
    assert set(settings) == set(plan.distributions)
    from_values(plan.trial_values(settings, plan.seed(number)), "trial")


@pytest.mark.parametrize("grace", [24, 30])
def test_grace_at_the_end_needs_ended_trials(grace):
    plan = plan_of(EIGHT, seed=8)
    plan = replace(plan, space=plan.space.model_copy(update={"asha": AshaSection(grace_period=grace)}))
    assert propose(plan, 20, drawn(plan, 20, "open")) == plan.settings(20)
    proposal = propose(plan, 20, drawn(plan, 20))
    assert proposal != plan.settings(20)
    valid(plan, proposal, 20)


def test_forty_keys_and_eight_trials():
    names = [f"model.key_{index}" for index in range(40)]
    plan = plan_of({name: {"uniform": [0, 1]} for name in names}, seed=1)
    tried = [History(plan.settings(n), curve(sum(plan.settings(n).values()) / 40), "whole") for n in range(1, 9)]
    proposal = propose(plan, 9, tried)
    assert set(proposal) == set(names) and all(0 <= value < 1 for value in proposal.values())


def test_unusual_settings_are_understood():
    """Values outside the space, absent keys, and keys of one value."""
    plan = plan_of({**EIGHT, **LISTS, "augment.p": {"choice": [0.1]}, "model.kernel_size": {"choice": [11]}}, seed=1)
    odd = [
        History({"optimizer.lr": 5.0, "model.dim": 100, "optimizer.betas": [0, 0]}, curve(0.1), "whole"),
        History({"optimizer.lr": None, "model.dim": None, "data.bucketing": "no"}, curve(0.2), "early"),
        History({}, curve(0.3, 4), "open"),
    ]
    tried = [History(plan.settings(n), curve(bowl(plan.settings(n))), "whole") for n in range(1, 9)]
    valid(plan, propose(plan, 12, [*odd, *tried]), 12)


SMALL = {"model.subsampling": {"choice": [2, 4]}, "model.num_layers": {"quniform": [2, 6, 2]}}


def test_random_draws_do_not_repeat():
    plan = plan_of(SMALL, seed=2, include_base=False)
    tried: list[History] = []
    for number in range(6):
        tried.append(History(propose(plan, number, tried), [], "open"))
    assert len({json.dumps(history.params) for history in tried}) == 6
    assert propose(plan, 6, tried) == plan.settings(6)


@pytest.mark.parametrize("seed", range(4))
def test_base_is_not_repeated_in_other_digits(seed):
    """It holds 5.0 where the space lists 5."""
    plan = plan_of(
        {"trainer.gradient_clip_val": {"choice": [1, 5]}, "model.subsampling": {"choice": [2, 4]}}, seed=seed
    )
    base, *others = [history.params for history in searched(plan, 4, lambda settings: 1.0)]
    assert base == {"trainer.gradient_clip_val": 5, "model.subsampling": 4}
    assert base not in others


def test_small_space_repeats_its_best():
    """Six settings: no trial waits for a seventh."""
    plan = plan_of(SMALL, seed=2, include_base=False)
    tried = searched(plan, 6, lambda settings: settings["model.num_layers"] / 10 + settings["model.subsampling"] / 20)
    assert propose(plan, 6, tried) == {"model.subsampling": 2, "model.num_layers": 2}
    more = [*tried, *(History(tried[n % 6].params, tried[n % 6].scores, "whole") for n in range(8))]
    assert propose(plan, 14, more) == {"model.subsampling": 2, "model.num_layers": 2}


def test_repeated_settings_are_points():
    """The same setting under other seeds."""
    plan = plan_of(EIGHT, seed=2)
    tried = [History(plan.settings(n % 3 + 1), curve(0.2 + 0.01 * n), "whole") for n in range(12)]
    valid(plan, propose(plan, 12, tried), 12)


@pytest.mark.parametrize("include_base", [False, True])
def test_grid_keys_stay_in_their_cell(include_base):
    plan = plan_of(
        {
            "model.subsampling": {"grid_search": [2, 4]},
            "data.batch_size": {"grid_search": [4, 8, 16]},
            **{key: value for key, value in EIGHT.items() if key != "data.batch_size"},
        },
        seed=1,
        include_base=include_base,
    )
    tried = searched(plan, 20)
    assert [h.params["model.subsampling"] for h in tried[include_base:]] == [
        plan.settings(n)["model.subsampling"] for n in range(include_base, 20)
    ]
    assert [h.params["data.batch_size"] for h in tried[include_base:]] == [
        plan.settings(n)["data.batch_size"] for n in range(include_base, 20)
    ]


@pytest.mark.parametrize("space", [{}, {"model.subsampling": {"grid_search": [2, 4]}}])
def test_nothing_to_propose_repeats_the_plan(space):
    plan = plan_of(space)
    tried = [History(plan.settings(n), curve(1.0), "whole") for n in range(12)]
    assert propose(plan, 12, tried) == plan.settings(12)


def test_thousand_trials_take_the_latest_points():
    plan = plan_of(EIGHT, seed=2)
    valid(plan, propose(plan, 1000, drawn(plan, 1000)), 1000)
