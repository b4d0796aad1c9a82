"""Searches that go on with more trials, or with a longer horizon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ledgers import event
from tests.simulation.without_files import MemoryLedger, NothingKept
from tests.verdicts import wrong_verdicts
from tune_asr.config.sections import Config
from tune_asr.record.events import Created, Decision, Ended, Event, Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.rerun import rerun_config
from tune_asr.record.search_events import Planned, WaveOpened
from tune_asr.record.state import SearchState
from tune_asr.search import messages
from tune_asr.search.conductor import Conductor
from tune_asr.search.extent import Asked
from tune_asr.search.messages import Work
from tune_asr.search.search import Search
from tune_asr.space.plan import Plan, from_values

HORIZON, LONGER = 12, 27


def plan_of(mode: str = "waves", **search) -> Plan:
    space = {
        "param_space": {"optimizer.lr": {"loguniform": [1e-4, 1e-1]}, "model.dropout": {"choice": [0.0, 0.2]}},
        "search": {"algorithm": "random", "num_samples": 12, "include_base": True, **search},
        "asha": {"mode": mode, "metric": "score", "grace_period": 3},
    }
    return from_values(space, Config.model_validate({"trainer": {"max_epochs": HORIZON}}).model_dump(), "test")


def error(work: Work, epoch: int) -> float:
    """Return an error rate: the best rate is 0.063, and a longer training ends lower."""
    horizon = work.values["trainer"]["max_epochs"]
    distance = abs(math.log10(work.params["optimizer.lr"]) + 1.2) + work.params["model.dropout"] / 10
    return min(1.0, 0.1 * distance + 2 ** (-6 * epoch / horizon) + 1 / horizon)


def run(plan: Plan, events: Sequence[Event] = (), asked: Asked | None = None) -> list[Event]:
    """Search in one slot, from the start or from a ledger, to the end; return the ledger."""
    state, ledger = SearchState.replay(events), MemoryLedger(list(events))
    for started in ledger.append(event("search_started")):
        state.apply(started)
    search = Search(ResultsFolder(Path("going_on")), plan, "val_wer", {}, asked=asked or Asked())
    conductor = Conductor(search, ledger, state, lambda _: None, NothingKept())
    conductor.open(1)
    while work := conductor.next_work():
        conductor.receive(work.number, messages.Ready(work.epoch, [], "host:1"))
        horizon = work.values["trainer"]["max_epochs"]
        for epoch in range(work.epoch + 1, horizon + 1):
            rates = dict.fromkeys(("val_wer", "val_cer", "val_loss", "objective", "score"), error(work, epoch))
            report = event("report", trial=work.number, epoch=epoch, last=epoch == horizon, **rates)
            if conductor.receive(work.number, report) == "stop":
                break
        conductor.process_ended(work.number, None)
    assert conductor.is_over
    return [*ledger.events, *ledger.append(event("search_ended"))]


def essence(events: Sequence[Event]) -> list[Event]:
    """Return what interruptions may not change, without times."""
    kinds = Created | Report | Decision | Ended | Planned | WaveOpened
    return [replace(each, time=None) for each in events if isinstance(each, kinds)]


def plans(events: Sequence[Event]) -> list[tuple[int, int, str]]:
    return [(each.trials, each.horizon, each.cause) for each in events if isinstance(each, Planned)]


@pytest.mark.parametrize("mode", ["waves", "stop"])
def test_more_trials_are_those_of_a_larger_search(mode):
    whole = run(plan_of(mode, num_samples=20))
    more = run(plan_of(mode), run(plan_of(mode)), Asked(trials=20))
    created = [[each.params for each in events if isinstance(each, Created)] for events in (whole, more)]
    assert created[0] == created[1]
    assert plans(more) == [(12, HORIZON, "start"), (20, HORIZON, "num_samples")]
    assert wrong_verdicts(more, plan_of(mode), "val_wer") == []


def test_pruned_trials_stay_pruned():
    before = run(plan_of())
    after = run(plan_of(), before, Asked(trials=20))[len(before) :]
    pruned = {each.trial for each in before if isinstance(each, Ended)}
    assert pruned.isdisjoint(each.trial for each in after if isinstance(each, Report))


@pytest.mark.parametrize("mode", ["waves", "stop"])
def test_longer_trainings_repeat_the_best(mode):
    before = run(plan_of(mode))
    after = run(plan_of(mode), before, Asked(horizon=LONGER))
    state = SearchState.replay(after)
    longer = [trial for trial in state.trials.values() if trial.repeats]
    assert [trial.number for trial in longer] == ["00012", "00013", "00014", "00015"]
    assert plans(after)[-1] == (4, LONGER, "max_epochs")
    ranked = sorted(SearchState.replay(before).trials.values(), key=lambda t: min(r.scores.val_wer for r in t.reports))
    assert [trial.repeats for trial in longer] == [*(trial.number for trial in ranked[:3]), "00000"]
    for trial in longer:
        again = state.trials[trial.repeats]
        assert (trial.params, trial.seed, trial.is_base) == (again.params, again.seed, again.is_base)
    assert longer[-1].status == "finished" and longer[-1].epoch == LONGER  # the base is spared
    assert wrong_verdicts(after, plan_of(mode), "val_wer") == []
    assert essence(after)[: len(essence(before))] == essence(before)


def test_rungs_of_longer_trainings_count_them_alone():
    after = run(plan_of(), run(plan_of()), Asked(horizon=LONGER))
    place = next(i for i, each in enumerate(after) if isinstance(each, Planned) and each.horizon == LONGER)
    decisions = [each for each in after[place:] if isinstance(each, Decision)]
    assert {each.epoch for each in decisions if each.rung >= 0} <= {3, 6, 12, 24}
    assert all(each.better < 4 and each.room <= 5 for each in decisions)
    assert next(each for each in after[place:] if isinstance(each, WaveOpened)).trials == 4


def test_more_trials_return_to_the_first_horizon():
    longer = run(plan_of(), run(plan_of()), Asked(horizon=LONGER))
    more = run(plan_of(), longer, Asked(trials=14))
    assert plans(more)[-1] == (14, HORIZON, "num_samples")
    state = SearchState.replay(more)
    assert [trial.number for trial in state.drawn[12:]] == ["00016", "00017"]
    assert [trial.params for trial in state.drawn] == [plan_of().settings(index) for index in range(14)]
    assert max(trial.epoch for trial in state.drawn) == HORIZON
    assert wrong_verdicts(more, plan_of(), "val_wer") == []


@pytest.mark.parametrize("mode", ["waves", "stop"])
def test_killed_longer_trainings_decide_the_same(mode):
    """After a kill at any line since the flag took effect."""
    before = run(plan_of(mode))
    whole = run(plan_of(mode), before, Asked(horizon=LONGER))
    for cut in range(len(before) + 2, len(whole)):
        assert essence(run(plan_of(mode), whole[:cut])) == essence(whole), f"cut at {cut}"


def test_killed_larger_search_decides_the_same():
    before = run(plan_of())
    whole = run(plan_of(), before, Asked(trials=20))
    for cut in range(len(before) + 2, len(whole), 3):
        assert essence(run(plan_of(), whole[:cut])) == essence(whole), f"cut at {cut}"


def test_longer_trial_is_trained_again_with_its_horizon():
    state = SearchState.replay(run(plan_of(), run(plan_of()), Asked(horizon=LONGER)))
    of_the_base = rerun_config(plan_of().base_values(), state.trials["00015"])
    assert of_the_base["trainer"]["max_epochs"] == LONGER
    assert of_the_base["early_stopping"]["stop_epoch"] is None
    assert rerun_config(plan_of().base_values(), state.trials["00000"])["trainer"]["max_epochs"] == HORIZON


def test_first_plan_of_an_old_ledger_is_written_with_its_change():
    """Release 0.1.0 wrote no plan."""
    old = [each for each in run(plan_of("stop")) if not isinstance(each, Planned)]
    assert plans(run(plan_of("stop"), old)) == []
    more = run(plan_of("stop"), old, Asked(trials=14))
    assert plans(more) == [(12, HORIZON, "start"), (14, HORIZON, "num_samples")]
    assert len(SearchState.replay(more).trials) == 14


def test_longer_trainings_leave_open_finalists():
    """Earlier trials stay as they are, also finalists whose time was over."""
    plan = plan_of(finalists={"top": 1, "seeds": 2})
    whole = run(plan)
    at = next(i for i, each in enumerate(whole) if isinstance(each, Report) and each.trial == "00012")
    before = [*whole[: at + 1], event("paused", trial="00012", epoch=1, cause="time")]
    state = SearchState.replay(run(plan, before, Asked(horizon=LONGER)))
    assert [state.trials[number].status for number in ("00012", "00013")] == ["paused", "pending"]
