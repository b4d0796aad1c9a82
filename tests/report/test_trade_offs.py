"""Limits and the Pareto front in the report."""

from __future__ import annotations

from dataclasses import replace

import pytest
from html_pages import SPACE, page_of

from tests.written_search import Search
from tune_asr.report import __main__ as report

WANTS = {"objectives": ["val_wer", "num_parameters"], "limits": {"num_parameters": 1000, "rtf": 0.05}}
BEYOND = {"rung": -1, "epoch": 1, "limit": "num_parameters", "cutoff": 1000.0}


@pytest.fixture
def wanted(search: Search) -> Search:
    """The base beyond a limit, two trials on the front, one off it, one ended beyond the limit."""
    search.describe(space={**SPACE, "search": WANTS})
    search.start()
    sizes = ((1, 5000, 0.04), (2, 900, 0.02), (5, 300, 0.01), (6, 400, 0.03), (1, 4000, 0.01))
    for index, (errors, size, speed) in enumerate(sizes):
        number = f"{index:05d}"
        params = {"optimizer.lr": 0.001 * (index + 1), "model.dim": 96}
        search.log("created", trial=number, params=params, seed=17, base=index == 0 or None)
        search.log("started", trial=number)
        search.epoch(number, [errors, errors])
        rewrite_last(search, num_parameters=size, rtf=speed)
        if size > 1000:
            verdict = "stop" if index else "continue"
            search.log("decision", trial=number, value=float(size), verdict=verdict, **BEYOND)
        if size > 1000 and index:
            search.log("pruned", trial=number, epoch=1, cause="limit")
        else:
            search.log("finished", trial=number)
    return search


def rewrite_last(search: Search, **fields) -> None:
    """Give the last report size and speed, on the disk too."""
    trial = search.state.trials[search.state.reports[-1].trial]
    trial.reports[-1] = replace(trial.reports[-1], **fields)
    *before, _ = search.folder.ledger.read_bytes().splitlines(keepends=True)
    search.ledger.close()
    search.folder.ledger.write_bytes(b"".join(before))
    search.ledger = type(search.ledger).open(search.folder.ledger)
    search.ledger.append(trial.reports[-1])


def printed(capsys, root) -> str:
    assert report.main([str(root)]) == 0
    return capsys.readouterr().out


def test_terminal_marks_the_front(wanted, capsys):
    out = printed(capsys, wanted.folder.root)
    rows = {line.split()[1]: line.split() for line in out.splitlines() if line[:4].strip().isdigit() and "0.00" in line}
    assert [(number, row[2], row[3]) for number, row in rows.items()][:2] == [
        ("00001", "0.02", "*"),
        ("00002", "0.01", "*"),
    ]
    assert rows["00003"][2:4] == ["0.03", "0.004"]
    assert (rows["00000"][3], rows["00004"][3]) == ("beyond", "beyond")


def test_terminal_tells_of_limits(wanted, capsys):
    out = " ".join(printed(capsys, wanted.folder.root).split())
    assert (
        "Trial 00000, the base configuration, is beyond a limit (5,000 parameters, and the limit is 1,000): it is the "
        "reference, and cannot be the best." in out
    )
    assert "1 trial of 5 ended after the first epoch, beyond a limit of num_parameters." in out
    assert "Pareto front of WER, parameters" in out
    assert "trial WER % parameters 00001 20.0 900 00002 50.0 300 " in out
    assert "Best: trial 00001" in out


def test_trial_beyond_a_limit_is_not_compared(search, capsys):
    """It is the second of the leaderboard."""
    search.describe(space={**SPACE, "search": WANTS})
    search.start()
    for errors, size in ((3, 900), (1, 5000)):
        number = search.trial(**{"optimizer.lr": 0.001 * errors})
        search.epoch(number, [errors, errors])
        rewrite_last(search, num_parameters=size)
    search.log("decision", trial=number, value=5000.0, verdict="stop", **BEYOND)
    search.log("pruned", trial=number, epoch=1, cause="limit")
    out = printed(capsys, search.folder.root)
    assert "Best: trial 00000" in out
    assert "the second" not in out


def test_search_that_wants_nothing_shows_nothing(wanted, capsys):
    wanted.describe(space=SPACE)
    out = printed(capsys, wanted.folder.root)
    assert "Pareto" not in out
    assert "front" not in out


def test_page_draws_the_front(wanted):
    page = page_of(wanted.folder.root)
    traces = {trace["name"]: trace for trace in page.figures["front_num_parameters"]["data"]}
    assert traces["Pareto front"]["x"] == [300, 900]
    assert traces["Pareto front"]["y"] == [50.0, 20.0]
    assert sorted(traces["beyond a limit"]["x"]) == [4000, 5000]
    assert traces["finished"]["x"] == [400, 900, 300]
    assert "Pareto front of WER, parameters" in page.text
    assert "beyond" in page.text


def test_three_objectives_are_drawn_by_pairs(wanted):
    wanted.describe(space={**SPACE, "search": {**WANTS, "objectives": ["val_wer", "num_parameters", "rtf"]}})
    figures = page_of(wanted.folder.root).figures
    assert {"front_num_parameters", "front_rtf"} <= figures.keys()
    assert {trace["name"]: trace["mode"] for trace in figures["front_rtf"]["data"]}["Pareto front"] == "markers"
