"""The engine in memory: the same search as on a disk, and verdicts that follow from the ledger."""

from dataclasses import replace

import pytest

from tests.simulation.draws import draws
from tests.simulation.engine import Engine
from tests.simulation.made_up import made_up_table
from tests.simulation.simulated import simulate
from tests.verdicts import wrong_verdicts
from tune_asr.record import new_folder
from tune_asr.record.events import Decision
from tune_asr.record.ledger import iter_ledger
from tune_asr.record.state import SearchState

TABLE = made_up_table(40, 18)
RANDOM = {"algorithm": "random"}


def run(sections, trials=32, slots=2, table=TABLE, folder=None):
    (draw,) = draws(table, trials, 1, slots)
    engine = Engine(draw, {"search": RANDOM, **sections}, folder)
    return engine, simulate(engine, table, trials, slots)


@pytest.mark.parametrize("slots", [1, 2, 4, 8])
@pytest.mark.parametrize(
    "asha",
    [
        {},
        {"metric": "objective"},
        {"controls": 3},
        {"grace_period": 2, "reduction_factor": 3},
        {"mode": "stop", "metric": "objective"},
        {"mode": "stop", "controls": 2},
    ],
    ids=str,
)
def test_verdicts_follow_from_the_ledger(asha, slots):
    engine, _ = run({"asha": asha}, slots=slots)
    assert engine.conductor.is_over
    assert any(isinstance(event, Decision) for event in engine.ledger.events)
    assert wrong_verdicts(engine.ledger.events, engine.plan, "val_wer") == []


def test_altered_verdicts_are_found():
    engine, _ = run({})
    events = engine.ledger.events
    place = next(index for index, event in enumerate(events) if isinstance(event, Decision) and event.verdict == "stop")
    altered = [*events[:place], replace(events[place], verdict="pause"), *events[place + 1 :]]
    (mistake,) = wrong_verdicts(altered, engine.plan, "val_wer")
    assert mistake.startswith(f"line {place + 1}: verdict of ")
    (mistake,) = wrong_verdicts([*events[:place], *events[place + 1 :]], engine.plan, "val_wer")
    assert "was never judged" in mistake


@pytest.mark.parametrize("asha", [{}, {"mode": "stop"}], ids=["waves", "stop"])
def test_a_search_on_disk_is_the_same(asha, tmp_path):
    in_memory, expected = run({"asha": asha}, trials=20)
    folder = new_folder.create(tmp_path / "results")
    on_disk, outcome = run({"asha": asha}, trials=20, folder=folder)
    assert outcome.epochs == expected.epochs
    written = [replace(event, time=None) for event in iter_ledger(folder.ledger)]
    assert written == [replace(event, time=None) for event in in_memory.ledger.events]
    assert SearchState.read(folder.ledger).trials == on_disk.state.trials


def test_diverged_rows_end_their_trials():
    curves = [replace(curve, end="diverged", seconds=curve.seconds[:2]) for curve in TABLE.curves[:4]]
    engine, _ = run({}, trials=4, table=replace(TABLE, curves=curves))
    assert engine.state.counts()["diverged"] == 4
