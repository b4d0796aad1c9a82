"""Advice for the next search, from controls and replays."""

from dataclasses import asdict

import pytest
import yaml

from tune_asr.record.ranking import standings
from tune_asr.record.search_yaml import read_description
from tune_asr.report.advice import advise
from tune_asr.report.terminal import print_report
from tune_asr.space.sections import AshaSection
from tune_asr.space.stopping import Asha

# Wrong words of ten, by epoch. The second is slow, and the best in the end.
CURVES = [[5, 4, 3, 2], [6, 6, 6, 1], [4, 3, 3, 3], [9, 9, 9, 9]]
QUICK = [[5, 4, 3, 2], [3, 2, 1, 1], [4, 3, 3, 3], [9, 9, 9, 9]]


@pytest.fixture
def plan_of(search):
    """Return the plan that a report reads from search.yaml."""

    def plan_of(**description):
        search.describe(**description)
        return read_description(search.folder.search_yaml).plan

    return plan_of


@pytest.fixture
def conduct(search, plan_of):
    """Run the curves one after the other under a setting; returns the plan."""

    def conduct(curves=CURVES, **setting):
        setting = {"grace_period": 1, "reduction_factor": 2, "max_t": 4} | setting
        asha = Asha(**setting)
        search.start()
        for curve in curves:
            trial = search.trial(**{"optimizer.lr": 0.01})
            for epoch, wrong in enumerate(curve, start=1):
                search.epoch(trial, [wrong] * 5)
                judged = epoch < 4 and not search.state.trials[trial].is_control
                decision = asha.decide(epoch, wrong / 10) if judged else None
                if decision:
                    search.log("decision", trial=trial, **asdict(decision))
                if decision and decision.verdict == "stop":
                    search.log("pruned", trial=trial)
                    break
            else:
                search.log("finished", trial=trial)
        return plan_of(space={"asha": AshaSection(mode="stop", metric="objective", **setting).model_dump()})

    return conduct


def test_winning_control_is_mentioned(search, conduct, capsys):
    conduct(controls=1)
    print_report(search.folder.root)
    text = capsys.readouterr().out
    assert "  00001  stopped at epoch 1, WER 60.0 % there, 10.0 % at its best: rank 1 of 4\n" in text
    assert "The best trial is a control: pruning would have lost it.\n" in text
    (own,) = (line for line in text.splitlines() if "this search" in line and "objective" in line)
    assert own.split() == ["objective", "1", "2", "10", "this", "search", "lost", "2", "1", "-"]
    assert "No setting keeps the first 3 for certain. The gentlest of them:" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines() if "python -m" not in line and "asha: {" not in line) <= 80


def test_recommended_setting_is_cheapest_safe_one(search, conduct):
    advice = advise(conduct(QUICK, grace_period=4), search.state, "val_wer", standings(search.state))
    assert (advice.own.epochs, advice.fates(advice.own)) == ((16, 16), ["kept"] * 3)
    best = next(replay for replay in advice.others if replay.setting == advice.best)
    assert advice.fates(best) == ["kept"] * 3
    safe = [replay for replay in advice.others if advice.fates(replay) == ["kept"] * 3]
    assert best.epochs[1] == min(replay.epochs[1] for replay in safe) < 16
    assert advice.why == f"Keeps the first 3 with {16 - best.epochs[1]} epochs fewer, as far as one search can tell:"


def test_stanza_is_valid(search, conduct):
    advice = advise(conduct(), search.state, "val_wer", standings(search.state))
    asha = AshaSection(**yaml.safe_load(advice.stanza)["asha"])
    assert (asha.max_t, asha.controls) == (4, 2)
    assert (asha.metric, asha.grace_period, asha.reduction_factor) == (
        advice.best.metric,
        advice.best.grace_period,
        advice.best.reduction_factor,
    )


def test_no_controls_without_pruning(search, conduct):
    flat = [[5, 5, 5, 5], [4, 4, 4, 4]]
    advice = advise(conduct(flat, grace_period=4), search.state, "val_wer", standings(search.state))
    assert ("controls: 0" in advice.stanza, advice.adds_controls) == (advice.best.grace_period == 4, False)


@pytest.mark.parametrize("space", [None, {}, {"asha": None}, {"asha": {"grace_period": "soon"}}])
def test_no_advice_without_asha_in_search_yaml(search, conduct, plan_of, space):
    conduct()
    plan = None if space is None else plan_of(space=space)
    assert advise(plan, search.state, "val_wer", standings(search.state)) is None
