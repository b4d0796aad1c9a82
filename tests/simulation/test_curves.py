"""Recorded tables: made of ledgers, written, read."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.curves import Curve, Table
from tests.simulation.made_up import made_up_table
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.state import SearchState

ASSETS = Path(__file__).parents[1] / "assets"


def test_a_table_reads_back_equal(tmp_path):
    table = made_up_table()
    table.write(tmp_path / "table.jsonl.gz")
    first = (tmp_path / "table.jsonl.gz").read_bytes()
    read = Table.read(tmp_path / "table.jsonl.gz")
    assert read == table
    read.write(tmp_path / "table.jsonl.gz")
    assert (tmp_path / "table.jsonl.gz").read_bytes() == first


def test_a_pruned_search_is_refused():
    with pytest.raises(ValueError, match="trial 00001 was pruned"):
        Table.of(ResultsFolder(ASSETS / "results-0.1.0"), "pruned")


def test_curves_hold_the_ledger():
    trial = SearchState.read(ASSETS / "results-0.1.0/trials.jsonl").trials["00000"]
    curve = Curve.of(trial, "val_wer")
    assert curve.epochs == trial.epoch
    assert curve.val_cer == [report.scores.val_cer for report in trial.reports]
    assert curve.objective == [report.scores.objective for report in trial.reports]


def test_settings_name_their_row():
    table = made_up_table()
    assert [table.number(dict(reversed(curve.params.items()))) for curve in table.curves] == list(range(len(table)))


def test_diverged_curves_count_until_their_end():
    """A search that paused the trial before it diverged has its error rate."""
    curve = made_up_table().curves[0]
    diverged = replace(curve, end="diverged")
    assert diverged.best("val_wer", curve.epochs - 1) == curve.best("val_wer", curve.epochs - 1)
    assert diverged.best("val_wer") == float("inf")
