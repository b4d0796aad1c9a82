"""Repetitions with a longer horizon under a time budget, in simulated time."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from tests.ledgers import event
from tests.simulation.timed import H, Simulation
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.search_events import Closing, Planned, SearchEnded, WaveOpened
from tune_asr.record.state import SearchState
from tune_asr.search.budget import Command
from tune_asr.search.cards.placement import Placement
from tune_asr.search.extent import Asked
from tune_asr.search.longer import repeated
from tune_asr.search.search import Search
from tune_asr.search.timed import timed

LONGER = 2 * H


class Longer(Simulation):
    """Search whose trials may have a longer horizon."""

    def report(self, number, epoch):
        last = epoch == (self.state.trials[number].horizon or H)
        return replace(super().report(number, epoch), last=last)

    def longer(self, seconds):
        """Begin repetitions, and give time for them."""
        self.state = SearchState.replay(self.events)
        plan = Planned(
            trials=len(repeated(self.state, "val_wer", 1)),
            horizon=LONGER,
            slots=self.slots,
            deadline_seconds=self.now + seconds,
            cause="max_epochs",
        )
        self.conductor = self._conductor(plan)
        return self

    @property
    def repetitions(self):
        return [trial for trial in self.state.trials.values() if trial.repeats]


def test_repetitions_leave_no_time_for_finalists():
    search = Longer(200.0, trials=64, finalists={"top": 2, "seeds": 2}).run()
    closed = len(search.of(Closing))
    search.longer(75.0).run()
    assert any(trial.epoch == LONGER for trial in search.repetitions)
    assert len(search.repetitions) == search.state.planned.trials
    assert len(search.of(Closing)) == closed


def test_stint_ends_at_the_rungs_of_the_stage():
    search = Longer(60.0).run().longer(300.0)
    best, other = (f"{len(search.state.trials) + index:05d}" for index in range(2))
    search.events.append(WaveOpened(wave=9, trials=2))
    for number, last in ((best, 12), (other, 6)):
        again = {"continues_setting_of": "00001", "seed": 1}
        search.events += [event("created", trial=number, **again), event("started", trial=number)]
        search.events += [
            replace(search.report("00001", epoch), trial=number, last=False) for epoch in range(1, last + 1)
        ]
        search.events.append(event("paused", trial=number, epoch=last, cause="rung"))
    search.kill()
    pace = search.conductor.turns._left.pace().epoch
    assert round(search.conductor.turns._stint(search.state.trials[best]) / pace) == 6


def test_more_time_alone_returns_to_the_search():
    search = Longer(60.0).run().longer(300.0).run()
    assert all(trial.status in ("finished", "pruned") for trial in search.repetitions)
    search.events.append(SearchEnded(status="finished"))
    state, drawn = SearchState.replay(search.events), search.state.num_drawn
    facts = Search(ResultsFolder(Path("none")), search.plan, "val_wer", {}, asked=Asked())
    plan = timed(facts, state, Placement(2, 1.0, 0.0), Command(time.monotonic(), 200.0), lambda: None).budget.planned
    assert plan.horizon == H
    search.state = state
    search.conductor = search._conductor(replace(plan, deadline_seconds=search.now + 200.0))
    search.run()
    assert search.state.stages.index == 0
    assert search.state.num_drawn > drawn


def test_more_time_continues_repetitions_that_are_left():
    search = Longer(60.0).run().longer(40.0).run()
    assert search.state.open_trials()
    state = SearchState.replay([*search.events, SearchEnded(status="finished")])
    facts = Search(ResultsFolder(Path("none")), search.plan, "val_wer", {}, asked=Asked())
    plan = timed(facts, state, Placement(2, 1.0, 0.0), Command(time.monotonic(), 200.0), lambda: None).budget.planned
    assert plan.horizon == LONGER
