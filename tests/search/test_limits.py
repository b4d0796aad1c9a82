"""Trials beyond a limit, at the conductor."""

from __future__ import annotations

import pytest

from tests.ledgers import event, read_lines
from tune_asr.config.sections import Config
from tune_asr.record import new_folder
from tune_asr.record.ledger import Ledger
from tune_asr.record.ranking import leader, standings
from tune_asr.record.state import SearchState
from tune_asr.search import messages
from tune_asr.search.conductor import Conductor
from tune_asr.search.keeping import FolderKeeping
from tune_asr.search.proposing import _history
from tune_asr.search.search import Search
from tune_asr.space.plan import from_values

LIMITS = {"num_parameters": 1000, "rtf": 0.5}


@pytest.fixture
def folder(tmp_path):
    return new_folder.create(tmp_path / "results")


@pytest.fixture
def make(folder):
    def make(mode="waves", grace_period=1, include_base=True, max_t=4, limits=LIMITS) -> Conductor:
        space = {
            "param_space": {"optimizer.lr": {"uniform": [0.001, 0.01]}},
            "search": {"num_samples": 3, "algorithm": "random", "include_base": include_base, "limits": limits},
            "asha": {"mode": mode, "metric": "score", "grace_period": grace_period, "max_t": max_t},
        }
        plan = from_values(space, Config().model_dump(), "test")
        state, ledger = SearchState.read(folder.ledger), Ledger.open(folder.ledger)
        keeping = FolderKeeping(folder, "val_wer")
        return Conductor(Search(folder, plan, "val_wer", {}), ledger, state, lambda event: None, keeping)

    return make


def report(trial, size=1000, rtf=0.5, epoch=1, wer=0.5, last=False):
    scores = dict.fromkeys(("val_wer", "val_cer", "val_loss", "objective", "score"), wer)
    first = {"num_parameters": size, "rtf": rtf} if epoch == 1 else {}
    return event("report", trial=trial, epoch=epoch, last=last, seconds=1.0, **scores, **first)


def begin(conductor):
    work = conductor.next_work()
    conductor.receive(work.number, messages.Ready(0, [], "host:1"))
    return work.number


def test_trial_beyond_a_limit_ends(make, folder):
    conductor = make(include_base=False)
    conductor.open(1)
    number = begin(conductor)
    assert conductor.receive(number, report(number, size=1001)) == "stop"
    decision, pruned = read_lines(folder.ledger)[-2:]
    expected = {"rung": -1, "epoch": 1, "value": 1001.0, "cutoff": 1000.0, "verdict": "stop", "limit": "num_parameters"}
    assert expected.items() <= decision.items()
    assert (pruned["event"], pruned["epoch"], pruned["cause"]) == ("pruned", 1, "limit")
    second = begin(conductor)
    assert conductor.receive(second, report(second, rtf=0.6)) == "stop"
    assert read_lines(folder.ledger)[-2]["limit"] == "rtf"


def test_last_epoch_is_judged_too(make):
    conductor = make(include_base=False, max_t=1)
    number = begin(conductor)
    assert conductor.receive(number, report(number, size=1001, last=True)) == "stop"
    assert conductor.state.trials[number].status == "pruned"


def test_values_at_the_limits_continue(make, folder):
    conductor = make(include_base=False, grace_period=2)
    number = begin(conductor)
    assert conductor.receive(number, report(number)) == "continue"
    assert conductor.receive(number, report(number, epoch=2)) in ("continue", "stop")
    assert not any(line.get("limit") for line in read_lines(folder.ledger))


@pytest.mark.parametrize("mode", ["waves", "stop"])
def test_base_beyond_a_limit_continues(make, folder, mode):
    """It is marked, paused at rungs as ever, and never the best."""
    conductor = make(mode, grace_period=2)
    conductor.open(1)
    number = begin(conductor)
    assert conductor.receive(number, report(number, size=5000, wer=0.1)) == "continue"
    mark = read_lines(folder.ledger)[-1]
    assert (mark["event"], mark["verdict"], mark["limit"]) == ("decision", "continue", "num_parameters")
    conductor.receive(number, report(number, epoch=2, wer=0.1))
    trial = conductor.state.trials[number]
    assert [decision.rung for decision in trial.decisions] == [0]
    assert trial.is_beyond_limit
    assert leader(standings(conductor.state)) is None
    other = begin(conductor)
    conductor.receive(other, report(other, wer=0.9))
    assert leader(standings(conductor.state))[0].number == other


def test_excess_enters_no_rung(make):
    """In mode stop, with a rung at the first epoch, parameters are no value of it."""
    conductor = make("stop", grace_period=1)
    base = begin(conductor)
    conductor.receive(base, report(base, size=5000, wer=0.1))
    for wer in (0.2, 0.15):  # of three, one continues; of four it would be two
        conductor = make("stop", grace_period=1)
        while (number := begin(conductor)) == base:
            pass
        assert conductor.receive(number, report(number, wer=wer)) == "stop"
    assert [d.value for trial in conductor.state.trials.values() for d in trial.decisions] == [0.1, 0.2, 0.15]


@pytest.mark.parametrize("kept", [1, 2])
def test_end_lost_in_a_crash_is_written(make, folder, kept):
    """Of report, decision and end, a power cut keeps the first one or two."""
    conductor = make(include_base=False)
    number = begin(conductor)
    conductor.receive(number, report(number, size=2000))
    whole = read_lines(folder.ledger)
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    folder.ledger.write_bytes(b"".join(lines[: kept - 3]))
    assert make(include_base=False).state.trials[number].status == "pruned"
    again = read_lines(folder.ledger)
    assert [{**line, "time": ""} for line in again] == [{**line, "time": ""} for line in whole]


def test_lost_mark_of_the_base_is_written(make, folder):
    conductor = make(grace_period=1)
    number = begin(conductor)
    conductor.receive(number, report(number, size=2000))
    whole = [line["event"] for line in read_lines(folder.ledger)]
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    folder.ledger.write_bytes(b"".join(lines[: whole.index("report") + 1]))
    again = make(grace_period=1)
    assert again.state.trials[number].is_beyond_limit
    assert [d.verdict for d in again.state.trials[number].decisions] == ["pause"]


def test_model_takes_it_for_the_worst(make):
    conductor = make(include_base=False)
    number = begin(conductor)
    conductor.receive(number, report(number, size=2000))
    trial = conductor.state.trials[number]
    assert _history(trial, 4, "val_wer").outcome == "worst"
    trial.status = "diverged"
    assert _history(trial, 4, "val_wer").outcome == "diverged"


def test_speed_is_kept_where_it_is_wanted(make, folder):
    """Two equal searches write equal ledgers: a measured time would tell them apart."""
    conductor = make(limits={"num_parameters": 1000})
    number = begin(conductor)
    conductor.receive(number, report(number))
    (first,) = (line for line in read_lines(folder.ledger) if line["event"] == "report")
    assert (first["num_parameters"], "rtf" in first) == (1000, False)


def test_finalist_is_not_judged(make, folder):
    conductor = make(include_base=False, grace_period=4)
    number = begin(conductor)
    conductor.state.trials[number].finalist_of = "00000"
    assert not conductor.state.trials[number].is_drawn
    assert conductor.receive(number, report(number, size=2000)) == "continue"
