"""Proposals: random draws at first, then the model's."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from statistics import mean

from tests.space.test_plan import plan_of
from tune_asr.space.history import History, Outcome, WarmPoint
from tune_asr.space.plan import Plan
from tune_asr.space.proposals import FEWEST, WARM_UNTIL, propose

EIGHT = {
    "optimizer.lr": {"loguniform": [1e-4, 1e-1]},
    "optimizer.weight_decay": {"loguniform": [1e-3, 1e-1]},
    "scheduler.warmup_fraction": {"uniform": [0.0, 0.3]},
    "model.dropout": {"uniform": [0.0, 0.5]},
    "augment.speed": {"uniform": [0.0, 0.2]},
    "model.dim": {"choice": [64, 96, 128, 192]},
    "model.num_layers": {"randint": [2, 8]},
    "data.batch_size": {"choice": [4, 8, 16]},
}
LISTS = {"optimizer.betas": {"choice": [[0.9, 0.98], [0.9, 0.999]]}, "data.bucketing": {"choice": [True, False]}}


def bowl(settings: dict) -> float:
    """Known function of eight keys, lowest at 0."""
    return (
        math.log10(settings["optimizer.lr"] / 3e-3) ** 2
        + 4 * (settings["model.dropout"] - 0.1) ** 2
        + 0.3 * abs(settings["model.num_layers"] - 5)
        + 0.5 * (settings["data.batch_size"] != 8)
    )


def curve(final: float, length: int = 24) -> list[float]:
    return [final + 2 * math.exp(-epoch / 4) for epoch in range(1, length + 1)]


def searched(plan: Plan, count: int, of: Callable[[dict], float] = bowl) -> list[History]:
    """Search with proposals in one slot, all trials trained to the end."""
    tried: list[History] = []
    for number in range(count):
        params = propose(plan, number, tried)
        tried.append(History(params, curve(of(params)), "whole"))
    return tried


def drawn(plan: Plan, count: int, outcome: Outcome = "whole", length: int = 24) -> list[History]:
    settings = map(plan.settings, range(count))
    return [History(params, curve(bowl(params), length), outcome) for params in settings]


def test_first_trials_are_drawn_at_random():
    plan = plan_of(EIGHT, seed=2)
    for number in range(12):
        tried = drawn(plan, min(number, FEWEST - 1)) + drawn(plan, number, "open", 2)[FEWEST - 1 :]
        assert propose(plan, number, tried) == plan.settings(number)


def test_model_proposes_after_eight_points():
    plan = plan_of(EIGHT, seed=2)
    assert propose(plan, 8, drawn(plan, 8)) != plan.settings(8)
    void = [*drawn(plan, 7), *drawn(plan, 9, "void")[7:]]
    assert propose(plan, 9, void) == plan.settings(9)
    diverged = [*drawn(plan, 7), *drawn(plan, 8, "diverged")[7:]]
    assert propose(plan, 8, diverged) != plan.settings(8)


def test_proposer_beats_random_clearly():
    """On a known function, over several seeds."""
    proposed, at_random = [], []
    for seed in range(3):
        plan = plan_of(EIGHT, seed=seed, include_base=False)
        proposed.append(min(bowl(history.params) for history in searched(plan, 20)))
        at_random.append(min(bowl(plan.settings(number)) for number in range(20)))
    assert mean(proposed) < 0.5 * mean(at_random)
    assert all(map(float.__lt__, proposed, at_random))


def test_model_learns_from_early_epochs():
    """Trials that only came to the grace period separate good settings from bad ones."""
    plan = plan_of(EIGHT, seed=1, include_base=False)
    tried = [History(h.params, h.scores[: 24 if n % 5 == 0 else 3], "whole") for n, h in enumerate(drawn(plan, 40))]
    proposed = [bowl(propose(plan, number, tried)) for number in range(40, 45)]
    assert mean(proposed) < 0.5 * mean(bowl(history.params) for history in tried)


def test_proposals_are_repeatable():
    plan = plan_of(EIGHT, seed=4)
    tried = drawn(plan, 20)
    assert propose(plan, 20, tried) == propose(plan, 20, list(tried))
    assert len({json.dumps(propose(plan, number, tried)) for number in range(20, 25)}) == 5
    assert propose(plan_of(EIGHT, seed=5), 20, tried) != propose(plan, 20, tried)


PROGRAM = """
from tests.space.test_proposals import EIGHT, plan_of, drawn, propose, json
plan = plan_of(EIGHT, seed=6)
print(json.dumps([propose(plan, number, drawn(plan, number)) for number in (8, 30, 90)]))
"""


def test_threads_change_no_proposal():
    found = []
    for threads in "12":
        env = {**os.environ, **{f"{name}_NUM_THREADS": threads for name in ("OPENBLAS", "OMP", "MKL")}}
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
        found.append(run.stdout)
    assert found[0] == found[1]


def test_random_draws_load_no_numpy():
    """A search starts without it."""
    program = (
        "import sys; from tune_asr.space.proposals import propose; from tune_asr.space.plan import Plan\n"
        "from tune_asr.space.sections import SpaceFile; from tune_asr.config.sections import Config\n"
        "from tune_asr.space.distributions import parse\n"
        "plan = Plan(space=SpaceFile(), distributions={'model.dropout': parse({'uniform': [0, 1]})}, config=Config())\n"
        "propose(plan, 1, []); print('numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_base_is_trial_zero():
    plan = plan_of(EIGHT)
    assert propose(plan, 0, [], warm_of(plan, 20)) == plan.settings(0) and plan.is_base(0)


def test_running_trials_are_not_proposed_again():
    """Trials without a point push the next proposals away."""
    plan = plan_of(EIGHT, seed=3)
    tried = drawn(plan, 12)
    for number in range(12, 18):
        tried.append(History(propose(plan, number, tried), [], "open"))
    settings = [json.dumps(history.params) for history in tried[12:]]
    assert len(set(settings)) == 6
    distances = [
        abs(math.log10(one.params["optimizer.lr"] / other.params["optimizer.lr"]))
        for one, other in itertools.combinations(tried[12:], 2)
    ]
    assert max(distances) > 0.1


def test_lists_and_truth_values_are_learnt():
    plan = plan_of({**LISTS, **EIGHT}, seed=1, include_base=False)

    def penalised(settings: dict) -> float:
        return 0.5 * bowl(settings) + 3 * (settings["optimizer.betas"] == [0.9, 0.98]) + 3 * settings["data.bucketing"]

    last = searched(plan, 24, penalised)[16:]
    good = [h for h in last if h.params["optimizer.betas"] == [0.9, 0.999] and h.params["data.bucketing"] is False]
    assert len(good) >= 6


def warm_of(plan: Plan, count: int) -> list[WarmPoint]:
    return [
        WarmPoint(h.params, epoch, h.scores[epoch - 1]) for h in drawn(plan, count) for epoch in (3, 6, 12) if epoch
    ]


def test_warm_start_counts_toward_the_first_eight():
    plan, old = plan_of(EIGHT, seed=2), plan_of(EIGHT, seed=9, include_base=False)
    assert propose(plan, 1, drawn(plan, 1), warm_of(old, 7)) != plan.settings(1)
    assert propose(plan, 1, drawn(plan, 1, "open", 0), warm_of(old, 7)) == plan.settings(1)


def test_warm_start_leads_to_good_settings():
    plan = plan_of(EIGHT, seed=2, include_base=False)
    warm = warm_of(plan_of(EIGHT, seed=9, include_base=False), 40)
    first = [bowl(propose(plan, number, [], warm)) for number in range(5)]
    assert mean(first) < 0.5 * mean(bowl(plan.settings(number)) for number in range(5))


def test_warm_start_is_dropped_after_sixteen():
    plan, warm = plan_of(EIGHT, seed=2), warm_of(plan_of(EIGHT, seed=9), 30)
    for count, same in ((WARM_UNTIL, True), (WARM_UNTIL - 1, False)):
        tried = drawn(plan, count)
        assert (propose(plan, count, tried, warm) == propose(plan, count, tried)) is same


def test_warm_points_outside_the_space_are_dropped():
    plan = plan_of(EIGHT, seed=2)
    outside = [WarmPoint({**point.params, "optimizer.lr": 5.0}, *point[1:]) for point in warm_of(plan, 30)]
    assert propose(plan, 3, drawn(plan, 3), outside) == plan.settings(3)


def test_priors_shape_two_of_three_candidates():
    """A prior far from every good value does not hide it."""
    prior = {"uniform": [0.0, 0.5], "around": 0.45, "confidence": "high"}
    plan = plan_of({**EIGHT, "model.dropout": prior}, seed=2, include_base=False)

    def steep(settings: dict) -> float:
        return 10 * settings["model.dropout"]

    found = searched(plan, 18, steep)
    assert mean(h.params["model.dropout"] for h in found[:8]) > 0.3
    assert min(h.params["model.dropout"] for h in found) < 0.05


BRANCHES = """
param_space:
  model.target: {choice: [conv_ctc, bigru_ctc, conformer_ctc]}
  optimizer.lr: {loguniform: [1e-4, 1e-1]}
  model.kernel_size: {choice: [7, 11, 15], when: {model.target: [conv_ctc, conformer_ctc]}}
  model.num_heads: {choice: [2, 4], when: {model.target: conformer_ctc}}
search: {include_base: false, seed: 3}
"""


def test_branches_are_learnt(spaces):
    """Keys that are off are absent, and the family of the good trials is proposed."""
    plan = spaces.load(BRANCHES)

    def family(settings: dict) -> float:
        slow = 2 * (settings["model.target"] != "conformer_ctc") + (settings.get("model.num_heads") != 4)
        return slow + math.log10(settings["optimizer.lr"] / 3e-3) ** 2

    found = [history.params for history in searched(plan, 20, family)]
    assert all(("model.num_heads" in params) == (params["model.target"] == "conformer_ctc") for params in found)
    assert all(("model.kernel_size" in params) == (params["model.target"] != "bigru_ctc") for params in found)
    assert sum(params["model.target"] == "conformer_ctc" for params in found[10:]) >= 7
