"""Searches in waves: their order, and their exactness over kills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.simulation.draws import draws
from tests.simulation.engine import Engine
from tests.simulation.made_up import made_up_table
from tests.simulation.simulated import simulate
from tune_asr.record.events import Created, Decision, Ended, Event, Paused, Report, Resumed
from tune_asr.record.search_events import Planned, WaveOpened

TABLE = made_up_table(24, 12)
SECTIONS = {"search": {"algorithm": "random"}, "asha": {}}


def run(slots: int = 1, trials: int = 20, events: Iterable[Event] = (), sections=SECTIONS) -> Engine:
    """Search the table, from the start or from the events of a ledger, to the end."""
    (draw,) = draws(TABLE, trials, 1, slots)
    engine = Engine(draw, sections, events=list(events))
    simulate(engine, TABLE, trials, slots)
    assert engine.conductor.is_over
    return engine


def essence(events: Iterable[Event]) -> list[Event]:
    """Return what may not depend on interruptions, without times."""
    return [replace(event, time=None) for event in events if isinstance(event, Created | Report | Decision | Ended)]


@pytest.mark.parametrize("asha", [{}, {"controls": 2}, {"reduction_factor": 3, "grace_period": 2}, {"mode": "stop"}])
@pytest.mark.parametrize("algorithm", ["random", "auto"])
def test_killed_search_decides_the_same(asha, algorithm):
    """With one slot, after a kill at any line of the ledger."""
    sections = {"search": {"algorithm": algorithm, "include_base": True}, "asha": asha}
    whole = run(trials=14, sections=sections).ledger.events
    for cut in range(0, len(whole), 1 if algorithm == "random" else 7):
        resumed = run(trials=14, events=whole[:cut], sections=sections).ledger.events
        assert essence(resumed) == essence(whole), f"cut at {cut}"


def test_base_ends_at_the_horizon():
    sections = {"search": {"algorithm": "random", "include_base": True}, "asha": {}}
    worst = max(range(len(TABLE)), key=lambda row: TABLE.curves[row].best(TABLE.metric))
    (draw,) = draws(TABLE, 20, 1, 1)
    order = [worst, *(row for row in draw.order if row != worst)]
    engine = Engine(replace(draw, order=order), sections)
    simulate(engine, TABLE, 20, 1)
    base = engine.state.trials["00000"]
    assert (base.is_base, base.status, base.epoch) == (True, "finished", TABLE.horizon)
    assert [d.verdict for d in base.decisions] == ["pause"] * len(engine.conductor.verdicts.milestones)


def test_plan_and_wave_come_first():
    kinds = [event.event for event in run().ledger.events]
    assert kinds[:4] == ["search_started", "plan", "wave", "created"]


def test_next_wave_opens_with_nobody_waiting():
    events = run(trials=20, sections={**SECTIONS, "search": {"algorithm": "auto"}}).ledger.events
    assert [(e.wave, e.trials) for e in events if isinstance(e, WaveOpened)] == [(1, 16), (2, 20)]
    waiting: set[str] = set()
    for event in events:
        if isinstance(event, Paused):
            waiting.add(event.trial)
        elif isinstance(event, Resumed | Ended):
            waiting.discard(event.trial)
        elif isinstance(event, WaveOpened):
            assert not waiting


def test_plan_is_written_at_changes_alone():
    whole = run(slots=1).ledger.events
    resumed = run(slots=2, events=whole[:60]).ledger.events
    again = run(slots=2, events=resumed[:80]).ledger.events
    assert [(e.slots, e.cause) for e in again if isinstance(e, Planned)] == [(1, "start"), (2, "slots")]
    assert [(e.wave, e.trials) for e in again if isinstance(e, WaveOpened)] == [(1, 20)]


def test_trial_goes_straight_on_alone():
    """Nothing is loaded twice if its slot would take it again."""
    engine = run(trials=1)
    assert not any(isinstance(event, Paused | Resumed) for event in engine.ledger.events)
    assert [decision.verdict for decision in engine.state.trials["00000"].decisions] == ["pause", "pause"]


def test_nobody_waits_at_the_end():
    for slots in (1, 2, 5):
        assert not [trial for trial in run(slots=slots).state.trials.values() if trial.waits]
