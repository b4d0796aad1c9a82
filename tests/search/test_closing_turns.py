"""Turns near the end of a time budget: a trial comes to a rung, while another waits without room."""

from __future__ import annotations

import pytest

from tests.ledgers import event
from tests.simulation.timed import Simulation
from tune_asr.record.search_events import Closing, Planned, WaveOpened
from tune_asr.search import messages


def crowded(*later) -> Simulation:
    """Return a search in which 00005 comes to epoch 6, and 00001 waits at epoch 3 without room."""
    search = Simulation(60.0, slots=1)
    search.events = [*search.of(Planned), WaveOpened(wave=1, trials=1)]
    for number, rate in enumerate((0.1, 0.9, 0.2, 0.3, 0.4, 0.15)):
        trial, last = f"{number:05d}", 5 if number == 5 else 3
        rates = dict.fromkeys(("val_wer", "val_cer", "val_loss", "objective", "score"), rate)
        search.events += [event("created", trial=trial), event("started", trial=trial)]
        search.events += [event("report", trial=trial, epoch=e, seconds=1.0, **rates) for e in range(1, last + 1)]
        if number < 5:
            end = event("paused", trial=trial, epoch=3, cause="rung") if number == 1 else event("finished", trial=trial)
            search.events.append(end)
    search.events += later
    search.kill()
    assert search.conductor.next_work().number == "00005"
    search.conductor.receive("00005", messages.Ready(5, [], "host:1"))
    return search


def test_trial_without_room_stops_at_a_turn():
    """Before the closing: in the turn of a trial that goes straight on."""
    search = crowded()
    assert search.conductor.receive("00005", search.report("00005", 6)) == "continue"
    assert search.state.trials["00001"].status == "pruned"


def test_closing_stops_no_trial_that_waits():
    search = crowded(event("closing", cause="test"))
    assert search.conductor.receive("00005", search.report("00005", 6)) == "continue"
    assert search.state.trials["00001"].waits
    assert search.state.trials["00005"].decisions[-1].verdict == "continue"


@pytest.mark.parametrize("now", [52.0, 59.0])
def test_closing_begins_at_a_turn_that_would_stop_another(now):
    search = crowded()
    search.now = now
    assert search.conductor.receive("00005", search.report("00005", 6)) == "stop"
    assert search.of(Closing)
    assert all(trial.waits for trial in search.state.open_trials())


def test_slot_stays_free_if_no_trial_comes_to_its_end():
    search = crowded(event("closing", cause="test"))
    search.now = 54.0
    assert search.conductor.receive("00005", search.report("00005", 6)) == "stop"
    search.conductor.process_ended("00005", None)
    assert search.conductor.next_work() is None
    assert search.conductor.is_over
    assert {trial.number for trial in search.state.open_trials() if trial.waits} == {"00001", "00005"}


def test_best_trial_that_waits_begins_the_closing():
    """It needs 9.45 s, and the next one 3.15 s to its rung. One that runs is better, and needs less."""
    search = crowded()
    search.now = 44.3
    assert not search.conductor.turns._begins()
    search.now = 44.5
    assert search.conductor.turns._begins()
