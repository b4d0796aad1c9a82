"""End of a search: early by `search.stop`, and with finalists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.ledgers import event
from tests.simulation.draws import draws
from tests.simulation.engine import Engine
from tests.simulation.made_up import made_up_table
from tests.simulation.simulated import simulate
from tune_asr.record.events import Created, Decision, Ended, Event, Report, Resumed, Started
from tune_asr.record.finalists import last_round
from tune_asr.record.ranking import standings
from tune_asr.record.search_events import Planned, Stopped, WaveOpened
from tune_asr.record.state import SearchState
from tune_asr.search.ending import Ending, best_settings
from tune_asr.search.extent import Asked, changes, plans

TABLE = made_up_table(24, 12)
MANY = made_up_table(80, 6)
FINALISTS = {"algorithm": "random", "finalists": {"top": 2, "seeds": 3}}
WAVES = {"algorithm": "auto", "include_base": False}


def run(search, *, table=TABLE, trials=8, slots=1, events: Iterable[Event] = (), width=None, asha=None) -> Engine:
    """Search a table to its end, from the start or from the events of a ledger."""
    (draw,) = draws(table, trials, 1, slots)
    engine = Engine(draw, {"search": search, "asha": asha or {}}, events=list(events), width=width)
    simulate(engine, table, trials, slots)
    assert engine.conductor.is_over
    return engine


def essence(events: Iterable[Event]) -> list[Event]:
    """Return what may not depend on interruptions, without times."""
    kinds = (Created, Report, Decision, Ended, Stopped)
    return [replace(event, time=None) for event in events if isinstance(event, kinds)]


@pytest.mark.parametrize("asha", [{}, {"mode": "stop"}, {"grace_period": 12}])
def test_finalists_train_to_the_end(asha):
    engine = run(FINALISTS, asha=asha)
    state, there = engine.state, last_round(engine.state)
    assert [trial.number for trial in there] == [f"{number:05d}" for number in range(8, 14)]
    assert all(trial.status == "finished" and not trial.decisions for trial in there)
    best = [trial.number for trial, _ in standings(state, TABLE.metric) if trial.finalist_of is None][:2]
    assert [trial.finalist_of for trial in there] == best * 3
    assert all(trial.params == state.trials[trial.finalist_of].params for trial in there)
    assert state.num_drawn == 8


def test_seeds_of_finalists_are_fresh():
    engine = run(FINALISTS)
    seeds = [trial.seed for trial in last_round(engine.state)]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == 3
    assert not set(seeds) & {trial.seed for trial in engine.state.drawn}


def test_search_before_finalists_is_the_same():
    without, events = run({"algorithm": "random"}).ledger.events, run(FINALISTS).ledger.events
    assert essence(events)[: len(essence(without))] == essence(without)


@pytest.mark.parametrize("slots", [2, 3])
def test_finalists_wait_for_the_search(slots):
    events = run(FINALISTS, slots=slots).ledger.events
    first = next(i for i, event in enumerate(events) if isinstance(event, Created) and event.finalist_of)
    ended = {event.trial for event in events[:first] if isinstance(event, Ended)}
    assert ended == {f"{number:05d}" for number in range(8)}
    assert not any(isinstance(event, Started) for event in events[first : first + 6])


@pytest.mark.parametrize("asha", [{}, {"mode": "stop"}])
def test_killed_finalists_end_the_same(asha):
    """After a kill at any line of the ledger, also within the creation of the finalists."""
    whole = run(FINALISTS, trials=6, asha=asha).ledger.events
    for cut in range(len(whole)):
        resumed = run(FINALISTS, trials=6, events=whole[:cut], asha=asha).ledger.events
        assert essence(resumed) == essence(whole), f"cut at {cut}"


def test_more_trials_run_finalists_anew():
    first = run(FINALISTS, trials=6)
    longer = Planned(trials=8, horizon=12, slots=1, cause="trials")
    engine = run(FINALISTS, trials=8, events=[*first.ledger.events, longer])
    drawn = [trial.number for trial in engine.state.drawn]
    assert drawn == [*(f"{number:05d}" for number in range(6)), "00012", "00013"]
    assert [trial.number for trial in last_round(engine.state)] == [f"{number:05d}" for number in range(14, 20)]
    (draw,) = draws(TABLE, 8, 1, 1)
    fresh = Engine(draw, {"search": {"algorithm": "random"}, "asha": {}}).plan
    assert [trial.params for trial in engine.state.drawn] == [fresh.settings(index) for index in range(8)]


def test_no_more_finalists_than_settings():
    """Trials of one setting, but for a searched seed, are one."""
    engine = run({"algorithm": "random", "finalists": {"top": 3, "seeds": 1}}, trials=3)
    assert len(last_round(engine.state)) == 3


def test_numbers_written_in_other_digits_are_one_setting():
    """The base holds 0.0 where the space lists 0; with lists, too."""
    state = SearchState()
    for index, value in enumerate((0.0, 0, 1, [0.9, 1.0], [0.9, 1], True)):
        number = f"{index:05d}"
        state.apply(event("created", trial=number, params={"key": value, "seed": index}))
        state.apply(event("report", trial=number, val_wer=0.5))
    best = [trial.number for trial in best_settings(standings(state), 9)]
    assert best == ["00000", "00002", "00003", "00005"]


def test_stop_ends_the_waves():
    engine = run(WAVES, table=MANY, trials=64, width=1.0)
    events = engine.ledger.events
    assert [event.trials for event in events if isinstance(event, WaveOpened)] == [16, 32, 48]
    (stopped,) = [event for event in events if isinstance(event, Stopped)]
    assert stopped.delta == 1.0
    assert stopped.best == min(report.scores.value(MANY.metric) for report in engine.state.reports)
    assert engine.state.num_drawn == 48


@pytest.mark.parametrize(
    ("search", "width", "asha"),
    [
        ({"stop": "never"}, 1.0, {}),
        ({}, None, {}),  # what the validation set can show is not known
        ({}, 0.0, {}),
        ({}, 1.0, {"mode": "stop"}),
    ],
)
def test_search_that_never_stops(search, width, asha):
    engine = run({**WAVES, **search}, table=MANY, trials=64, width=width, asha=asha)
    assert engine.state.num_drawn == 64
    assert engine.state.stopped is None


def test_one_eligible_trial_never_stops():
    """No interval is known if all other trials are beyond a limit."""
    state = run(WAVES, table=MANY, trials=48).state
    for trial in list(state.trials.values())[1:]:
        trial.excess = Decision(trial=trial.number, epoch=1, value=2.0, verdict="stop", limit="num_parameters")
    (draw,) = draws(MANY, 64, 1, 1)
    plan = Engine(draw, {"search": WAVES, "asha": {}}).plan
    assert len(state.stages.now.reports_before) > 2
    assert Ending(plan, MANY.metric, state, lambda first, second: 1.0).stop() is None


class Counted(list[Report]):
    """Reports that count how many of them are read."""

    read = 0

    def __iter__(self):
        self.read += len(self)
        return super().__iter__()

    def __getitem__(self, place):
        found = super().__getitem__(place)
        self.read += len(found) if isinstance(place, slice) else 1
        return found


def test_stop_reads_each_report_once():
    state = run(WAVES, table=MANY, trials=64).state
    state.reports = Counted(state.reports)
    (draw,) = draws(MANY, 64, 1, 1)
    ending = Ending(Engine(draw, {"search": WAVES, "asha": {}}).plan, MANY.metric, state, lambda first, second: 0.0)
    assert ending.stop() is None
    assert ending.stop() is None
    assert state.reports.read <= len(state.reports)


def test_killed_search_stops_the_same():
    search = {**FINALISTS, **WAVES}
    whole = run(search, table=MANY, trials=64, width=1.0).ledger.events
    assert sum(isinstance(event, Created) for event in whole) == 48 + 6
    at = next(i for i, event in enumerate(whole) if isinstance(event, Stopped))
    for cut in (at - 1, at, at + 1, at + 3, len(whole)):
        again = run(search, table=MANY, trials=64, width=1.0, events=whole[:cut])
        assert essence(again.ledger.events) == essence(whole), f"cut at {cut}"


def test_stopped_search_goes_on_with_more():
    first = run(WAVES, table=MANY, trials=64, width=1.0)
    longer = Planned(trials=80, horizon=6, slots=1, cause="trials")
    engine = run(WAVES, table=MANY, trials=80, width=1.0, events=[*first.ledger.events, longer])
    assert [wave.trials for wave in engine.state.waves] == [16, 32, 48, 68, 80]
    assert (engine.state.num_drawn, engine.state.stopped) == (80, None)


def test_more_trials_end_open_finalists():
    first = run(FINALISTS, trials=6).ledger.events
    at = [i for i, event in enumerate(first) if isinstance(event, Report)][-20]
    longer = Planned(trials=8, horizon=12, slots=1, cause="trials")
    (draw,) = draws(TABLE, 8, 1, 1)
    engine = Engine(draw, {"search": FINALISTS, "asha": {}}, events=[*first[:at], longer])
    simulate(engine, TABLE, 8, 1)
    ends = {trial.number: (trial.status, trial.cause) for trial in engine.state.trials.values() if trial.finalist_of}
    assert list(ends.values()).count(("pruned", "more trials")) == 2
    assert [ends[f"{number:05d}"] for number in range(14, 20)] == [("finished", None)] * 6
    assert engine.conductor.is_over


def test_finalists_wait_for_a_worker_that_starts():
    """A trial handed out at its rung still waits in the ledger."""
    whole = run(FINALISTS, trials=6).ledger.events
    at = max(i for i, event in enumerate(whole) if isinstance(event, Resumed) and event.trial < "00006")
    (draw,) = draws(TABLE, 6, 1, 2)
    engine = Engine(draw, {"search": FINALISTS, "asha": {}}, events=whole[:at])
    work = engine.conductor.next_work()
    assert work.number == whole[at].trial
    assert engine.state.trials[work.number].rests
    assert engine.conductor.next_work() is None
    assert not last_round(engine.state)


@pytest.mark.parametrize("trials", [60, 64])
def test_stopped_search_goes_on_below_its_plan(trials):
    """More than the trials created is more, though 64 were planned."""
    first = run(WAVES, table=MANY, trials=64, width=1.0)
    asked = Asked(trials=trials)
    assert changes(first.plan, first.state, asked)
    (longer,) = plans(first.plan, first.state, MANY.metric, 1, asked)
    engine = run(WAVES, table=MANY, trials=64, width=1.0, events=[*first.ledger.events, longer])
    assert (engine.state.num_drawn, engine.state.stopped) == (trials, None)


def test_stopped_search_has_the_trials_it_created():
    first = run(WAVES, table=MANY, trials=64, width=1.0)
    assert not changes(first.plan, first.state, Asked(trials=48))
    assert list(plans(first.plan, first.state, MANY.metric, 1, Asked(trials=48))) == []
