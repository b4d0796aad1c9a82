"""Additional time that is too short for any trial, in simulated time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.timed import H, Simulation
from tune_asr.errors import ConfigError
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.state import SearchState
from tune_asr.search.budget import Budget, Command
from tune_asr.search.more_time import require_enough, unused_lines
from tune_asr.search.search import Search

START = 9.0
"""Seconds of the start of Ray."""


@pytest.fixture(scope="module")
def ended():
    """A search at its deadline, whose trials wait at rungs or are whole."""
    return Simulation(40.0).run()


def search_of(simulation):
    return Search(ResultsFolder(Path("none")), simulation.plan, "val_wer", {})


def clock_at(simulation):
    return Budget(clock=lambda: simulation.now + START, earlier=simulation.now)


def test_time_that_the_start_takes_is_refused(ended):
    state = SearchState.replay(ended.events)
    least = min(H - trial.epoch for trial in state.trials.values() if trial.waits)
    with pytest.raises(ConfigError) as refused:
        require_enough(search_of(ended), state, Command(0.0, 10.0), clock_at(ended))
    text = str(refused.value)
    assert text.startswith("--time-budget: is 10s, but the start takes 9 s, and the next trial about ")
    assert "The smallest that would do is about " in text
    require_enough(search_of(ended), state, Command(0.0, START + 1.1 * least + 4), clock_at(ended))


def test_time_without_a_trial_is_explained(ended):
    state = SearchState.replay(ended.events)
    arguments = search_of(ended), state
    (line,) = unused_lines(*arguments, Command(0.0, 20.0), clock_at(ended), START)
    assert line.startswith("no trial began in the 20s: the start takes 9 s, and the next trial about ")
    assert line.endswith(" would do")
    assert not list(unused_lines(*arguments, Command(0.0), clock_at(ended), START))


def test_interrupted_trial_begins_in_any_time():
    killed = Simulation(40.0).run(until=20.0)
    state = SearchState.replay(killed.events)
    require_enough(search_of(killed), state, Command(0.0, START + 4), clock_at(killed))
