"""Trials beyond a limit, and the Pareto front in the files of a search."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from tests.written_search import Search
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.front import excess_text, pareto_front
from tune_asr.record.intact import intact_standings
from tune_asr.record.ranking import leader, standings
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.space.sections import LimitsSection, SearchSection


@pytest.fixture
def measured(search: Search) -> Search:
    """Four trials: large and good, small and worse, dominated, and beyond a limit."""
    search.start()
    for errors, size, speed in ((2, 900, 0.04), (5, 300, 0.02), (6, 400, 0.03), (1, 5000, 0.01)):
        number = search.trial(**{"optimizer.lr": 0.1})
        search.epoch(number, [errors])
        trial = search.state.trials[number]
        trial.reports[0] = replace(trial.reports[0], num_parameters=size, rtf=speed)
    beyond = {"rung": -1, "epoch": 1, "value": 5000.0, "cutoff": 1000.0, "verdict": "stop", "limit": "num_parameters"}
    search.log("decision", trial="00003", **beyond)
    search.log("pruned", trial="00003", epoch=1, cause="limit")
    return search


def snapshot(search: Search, wants: SearchSection | None = None) -> list[dict[str, str]]:
    """Write the derived files; return the rows of the leaderboard."""
    write_snapshots(search.folder, search.state, status="finished", metric="val_wer", config=CONFIG, wants=wants)
    with search.folder.leaderboard.open() as file:
        return list(csv.DictReader(file))


CONFIG = {"trainer": {"max_epochs": 4}}
BOTH = SearchSection(objectives=["val_wer", "num_parameters"], limits=LimitsSection(num_parameters=1000))


def test_front_is_of_trials_within_limits(measured):
    ranked = standings(measured.state)
    assert pareto_front(ranked, ["val_wer", "num_parameters"]) == {"00000", "00001"}
    assert pareto_front(ranked, ["num_parameters", "rtf"]) == {"00001"}
    assert pareto_front(ranked, []) == set()


def test_diverged_and_unmeasured_trials_are_off(measured):
    measured.log("diverged", trial="00001")
    first = measured.state.trials["00000"]
    first.reports[0] = replace(first.reports[0], num_parameters=None)
    assert pareto_front(standings(measured.state), ["val_wer", "num_parameters"]) == {"00002"}


def test_trial_beyond_a_limit_is_never_best(measured):
    """Neither in the standings nor in the files."""
    assert [trial.number for trial, _ in standings(measured.state)] == ["00000", "00001", "00002", "00003"]
    snapshot(measured, BOTH)
    assert json.loads(measured.folder.summary.read_text())["best"]["trial"] == "00000"
    assert measured.folder.best_ckpt.read_bytes() == b"weights of 00000 at 1"


def test_no_trial_within_limits_means_no_best(measured):
    for trial in measured.state.trials.values():
        trial.excess = measured.state.trials["00003"].excess
    assert leader(standings(measured.state)) is None
    snapshot(measured, BOTH)
    assert json.loads(measured.folder.summary.read_text())["best"] is None
    assert not measured.folder.best_yaml.exists()


def test_trial_beyond_a_limit_can_be_named(measured):
    """`export --trial` takes it."""
    ranked, damaged = intact_standings(measured.folder, measured.state, "val_wer", only="00003")
    assert (leader(ranked), damaged) == (None, [])
    assert leader(ranked, of_any_size=True)[0].number == "00003"


def test_columns_come_last_and_when_asked_for(measured):
    assert list(snapshot(measured)[0])[-1] == "optimizer.lr"
    rows = snapshot(measured, BOTH)
    assert list(rows[0])[-4:] == ["optimizer.lr", "num_parameters", "pareto_front", "beyond_limit"]
    assert [row["pareto_front"] for row in rows] == ["true", "true", "false", "false"]
    assert [row["beyond_limit"] for row in rows] == ["", "", "", "num_parameters"]
    assert [row["num_parameters"] for row in rows] == ["900", "300", "400", "5000"]
    speed = snapshot(measured, SearchSection(limits=LimitsSection(rtf=0.1)))
    assert list(speed[0])[-3:] == ["optimizer.lr", "rtf", "beyond_limit"]
    assert speed[0]["rtf"] == "0.04"


def test_trial_without_an_epoch_has_empty_cells(measured):
    number = measured.trial(**{"optimizer.lr": 0.2})
    row = snapshot(measured, BOTH)[-1]
    assert (row["trial"], row["num_parameters"], row["pareto_front"]) == (number, "", "false")


def test_excess_reads_as_a_sentence(measured):
    excess = measured.state.trials["00003"].excess
    assert excess_text(excess) == "5,000 parameters, and the limit is 1,000"
    assert excess_text(replace(excess, limit="rtf", value=0.25, cutoff=0.1)) == "rtf 0.25, and the limit is 0.1"


def test_excess_is_replayed_from_the_ledger(measured):
    again = SearchState.read(ResultsFolder(measured.folder.root).ledger)
    trial: Trial = again.trials["00003"]
    assert (trial.is_beyond_limit, trial.decisions, trial.cause) == (True, [], "limit")
