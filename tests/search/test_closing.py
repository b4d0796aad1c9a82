"""Searches with a time budget, in simulated time: the events, and never a clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ledgers import event
from tests.simulation.timed import H, Simulation
from tune_asr.record.events import Decision
from tune_asr.record.finalists import last_round
from tune_asr.record.search_events import Closing, Planned, WaveOpened
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, OUT_OF_TIME
from tune_asr.search.tally import seconds_between

BUDGETS = [(16, 1), (40, 1), (100, 1), (300, 1), (16, 2), (40, 2), (100, 2), (300, 2), (30, 4), (200, 4)]


@pytest.mark.parametrize(("seconds", "slots"), BUDGETS)
def test_search_ends_in_time_with_a_whole_trial(seconds, slots):
    search = Simulation(seconds, slots).run()
    assert search.now <= seconds + 1
    assert search.whole
    assert search.conductor.is_over
    assert "running" not in search.status


@pytest.mark.parametrize(("seconds", "slots"), BUDGETS)
@pytest.mark.parametrize("mode", ["waves", "stop"])
def test_long_forecast_still_ends_in_time(seconds, slots, mode):
    """Three times the trials that fit are planned at the start."""
    search = Simulation(seconds, slots, trials=3 * seconds, mode=mode).run()
    assert search.now <= seconds + 1
    assert search.whole
    assert len(search.of(Closing)) == 1


def test_nothing_begins_after_closing():
    search = Simulation(100.0, trials=64).run()
    after = search.events[search.events.index(search.of(Closing)[0]) :]
    assert not [event for event in after if event.event in ("created", "wave", "plan")]


def test_trial_taken_while_closing_is_judged_no_more():
    search = Simulation(100.0, trials=64).run()
    after = search.events[search.events.index(search.of(Closing)[0]) :]
    taken = [event for event in after if isinstance(event, Decision) and event.verdict == "continue"]
    assert taken
    for each in taken:
        later = after[after.index(each) + 1 :]
        assert not [e for e in later if isinstance(e, Decision) and e.trial == each.trial]
        assert not [e for e in later if e.event == "paused" and e.trial == each.trial and e.cause != OUT_OF_TIME]


def test_time_left_over_goes_to_more_trials():
    search = Simulation(300.0, trials=8).run()
    plans = search.of(Planned)
    assert len(plans) > 1
    assert all(plan.deadline_seconds == 300.0 and plan.horizon == H for plan in plans)
    for plan in plans[1:]:
        assert isinstance(search.events[search.events.index(plan) + 1], WaveOpened)
    assert len(search.state.trials) > 8


def test_limit_of_the_command_line_holds():
    search = Simulation(300.0, trials=8)
    search.conductor._append(Planned(trials=8, horizon=H, slots=2, deadline_seconds=300.0, limit=8, cause="limit"))
    search.run()
    assert len(search.state.trials) == 8


@pytest.mark.parametrize("killed", range(2, 60, 3))
def test_killed_search_ends_alike(killed):
    """One slot: the same trials are created, judged and ended, whenever it is killed."""

    def told(search):
        return [e for e in search.events if e.event in ("created", "report", "decision", "closing", *FINAL)]

    whole = Simulation(60.0, slots=1, trials=32).run()
    search = Simulation(60.0, slots=1, trials=32).run(until=killed)
    search.now = float(killed)
    search.kill()
    assert told(search.run()) == told(whole)


def test_trial_is_handed_out_once():
    """Its process needs time to begin, while other slots are free."""
    search = Simulation(100.0, trials=64).run(until=60.0)
    search.now = 85.0
    taken = [search.conductor.next_work() for _ in range(4)]
    numbers = [work.number for work in taken if work]
    assert numbers
    assert len(set(numbers)) == len(numbers)


def test_more_time_continues_what_was_left():
    search = Simulation(60.0, trials=64).run()
    left = [trial.number for trial in search.state.open_trials()]
    assert left
    search.more(100.0)
    assert search.state.closing is None
    search.run()
    assert search.now <= 161.0
    assert len(search.whole) > 1


def test_no_work_after_the_deadline():
    search = Simulation(60.0, trials=64).run(until=20.0)
    search.now = 61.0
    search.kill()
    assert search.conductor.next_work() is None
    assert search.conductor.is_over
    assert "running" not in search.status


def test_finalists_have_time_of_their_own():
    search = Simulation(200.0, trials=64, finalists={"top": 2, "seeds": 2}).run()
    finalists = [trial for trial in search.state.trials.values() if trial.finalist_of]
    assert len(finalists) == 4
    assert all(trial.status == "finished" and trial.epoch == H for trial in finalists)
    assert search.now <= 201.0


def test_time_between_epochs_counts():
    """A trial takes longer than the sum of its epochs; a pause does not count."""
    times = ["00:00:00", "00:00:01.500", "00:00:03.000", "00:10:00"]
    lines = [event("created"), *(event("report", epoch=e, seconds=1.0) for e in range(1, 5))]
    written = [replace(line, time=f"2026-01-01T{time}Z") for line, time in zip(lines[1:], times, strict=True)]
    assert seconds_between(SearchState.replay([lines[0], *written])) == 0.5


def test_more_time_ends_open_finalists_first():
    """A new round follows the trials that the time allows."""
    search = Simulation(110, finalists={"top": 2, "seeds": 2}).run(until=100)
    left = [trial.number for trial in last_round(search.state) if trial.status not in FINAL]
    assert left
    search.more(300)
    assert {search.state.trials[number].cause for number in left} == {"more trials"}
    search.run()
    assert all(trial.status == "finished" for trial in last_round(search.state))
    assert len(last_round(search.state)) == 4


def test_little_more_time_keeps_finalists():
    search = Simulation(110, finalists={"top": 2, "seeds": 2}).run(until=100)
    left = [trial.number for trial in last_round(search.state) if trial.status not in FINAL]
    search.more(30)
    search.run()
    assert {search.state.trials[number].status for number in left} == {"finished"}
