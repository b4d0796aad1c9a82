"""Keys that only some trials have, in every table and figure."""

from __future__ import annotations

import csv
import io
import math

import pytest
from html_pages import page_of, rungs

from tests.ledgers import planned
from tune_asr.record.leaderboard import write_leaderboard
from tune_asr.record.ranking import searched_keys, standings
from tune_asr.report.leaderboard_table import leaderboard_tables
from tune_asr.report.results import gather
from tune_asr.report.what_matters import what_matters
from tune_asr.search.live_table import LiveProgress

SPACE = {
    "param_space": {
        "model.target": {"choice": ["conv_ctc", "bigru_ctc"]},
        "model.kernel_size": {"choice": [7, 11], "when": {"model.target": "conv_ctc"}},
        "model.dropout": {"uniform": [0.0, 0.3]},
    }
}


def params_of(i: int) -> dict[str, object]:
    own = {} if i % 2 == 0 else {"model.kernel_size": (7, 11)[i // 2 % 2]}
    return {"model.target": "conv_ctc" if own else "bigru_ctc", **own, "model.dropout": 0.01 * (i + 1)}


@pytest.fixture
def branches(search):
    search.describe(space=SPACE, config={})
    return rungs(search, params_of)


def test_leaderboard_file_has_empty_cells(branches):
    write_leaderboard(branches.folder, branches.state, standings(branches.state))
    rows = list(csv.DictReader(io.StringIO(branches.folder.leaderboard.read_text())))
    assert list(rows[0])[-3:] == list(SPACE["param_space"])
    assert all((row["model.kernel_size"] == "") == (row["model.target"] == "bigru_ctc") for row in rows)


def test_shown_tables_have_empty_cells(branches):
    results = gather(branches.folder.root, 9)
    keys = searched_keys(branches.state)
    (table,) = leaderboard_tables(results.ranked, keys, results.utterances, 200, results.metric)
    cells = {column.header: list(column.cells) for column in table.columns}
    assert keys == list(SPACE["param_space"])
    assert sorted(cells["kernel_size"]) == ["", "", "", "11", "7", "7"]


def test_live_table_has_empty_cells(branches, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    stream = io.StringIO()
    shown = LiveProgress(planned(6), branches.state, 2, stream)
    shown.tick()
    shown.close()
    assert "kernel_size" in stream.getvalue() and "null" not in stream.getvalue()


def test_lines_pass_below_missing_axes(branches):
    figure = page_of(branches.folder.root).figures["parallel"]
    lines = [trace for trace in figure["data"] if trace.get("hovertemplate")]
    off = [line["customdata"][2] == "kernel_size: off" for line in lines]
    assert sum(off) == 3
    assert off == [line["y"][2] < 0 for line in lines]
    assert [a["x"] for a in figure["layout"]["annotations"] if a["text"] == "off"] == [2]
    assert len(page_of(branches.folder.root).figures["slice-1"]["data"]) > 0


def test_key_of_no_compared_trial_is_no_trouble(search):
    """The only trials of a branch have failed."""
    search.describe(space=SPACE, config={})
    rungs(search, lambda i: {"model.target": "bigru_ctc", "model.dropout": 0.01 * (i + 1)}, trials=20)
    search.log("failed", trial=search.trial(**params_of(1)), cause="x")
    matter = what_matters(gather(search.folder.root, 5))
    assert matter and all(math.isfinite(row.share) for row in matter.rows)
    assert "parallel" in page_of(search.folder.root).figures
