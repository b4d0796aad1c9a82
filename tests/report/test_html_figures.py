"""Figures of the HTML report."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from html_pages import numbers, page_of, rungs

MANY = [f"section.key_{k}" for k in range(15)]


def test_every_figure_marks_pruned_trials(shared_page):
    figures = shared_page.figures
    trials, settings = {"intervals", "history", "curves", "cost"}, {"parallel", "slice-0", "slice-1"}
    assert set(figures) == trials | settings | {"rungs", "timeline"}
    for name in ("intervals", "cost", "history", "curves", "parallel", "slice-0", "slice-1"):
        assert {"finished", "pruned"} <= {trace.get("name") for trace in figures[name]["data"]}, name
    (stopped,) = {t["line"]["color"] for t in figures["rungs"]["data"] if "x" in t["marker"]["symbol"]}
    (pruned,) = {t["line"]["color"] for t in figures["curves"]["data"] if t["name"] == "pruned"}
    assert stopped == pruned
    assert {t["name"] for t in figures["timeline"]["data"]} == {"finished", "pruned"}


def test_pruned_trial_may_lead_history(search):
    search.start()
    for errors, end in ([5], "finished"), ([1], "pruned"), ([3], "finished"):
        trial = search.trial(lr=0.1)
        search.epoch(trial, errors)
        search.log(end, trial=trial)
    (best,) = (t for t in page_of(search.folder.root).figures["history"]["data"] if t["name"] == "best so far")
    assert best["line"]["shape"] == "hv"
    assert numbers(best["y"]) == [50, 10, 10]


@pytest.mark.parametrize(
    ("space", "params_of"),
    [
        ({}, lambda i: {}),
        ({"lr": {"grid_search": [1, 2, 3]}}, lambda i: {"lr": 1 + i % 3}),
        ({"lr": {"choice": [0.1]}}, lambda i: {"lr": 0.1}),
        ({"m": {"choice": [None, True, [1, 2], "x", 3, 0.5]}}, lambda i: {"m": [None, True, [1, 2], "x", 3, 0.5][i]}),
        ({"n": {"randint": [3, 4]}}, lambda i: {"n": 3}),
        ({"n": {"randint": [0, 4]}}, lambda i: {"n": i}),
        ({"n": {"randint": [0, 9]}}, lambda i: {"n": i / 2}),
        ({"n": {"lograndint": [1, 100]}}, lambda i: {"n": 1 + i}),
        ({"n": {"quniform": [8, 64, 8]}}, lambda i: {"n": 8 + 8 * i}),
        ({"n": {"qloguniform": [0.25, 4, 0.25]}}, lambda i: {"n": 0.25 + 0.5 * i}),
        ({"n": {"uniform": [0, 1]}}, lambda i: {"n": 5 + i}),
        ({}, lambda i: {"a.x": i, "b.x": "y"} if i else {"b.x": "y"}),
        ({}, lambda i: {"n": None if i else 1}),
        ({key: {"uniform": [0, 1]} for key in MANY}, lambda i: {key: (i + k) / 50 for k, key in enumerate(MANY)}),
    ],
)
def test_every_distribution_has_figures(search, space, params_of):
    search.describe(space={"param_space": space})
    rungs(search, params_of)
    figures = page_of(search.folder.root).figures
    keys = {key for i in range(6) for key in params_of(i)}
    assert len([name for name in figures if name.startswith("slice-")]) == len(keys)
    assert ("parallel" in figures) == bool(keys)


def test_figures_show_cer_if_ranked(rung_search):
    rung_search.describe(metric="val_cer")
    page = page_of(rung_search.folder.root)
    figures = page.figures
    assert "WER" not in page.text[: page.text.index("How sure")]
    assert "intervals" not in figures
    assert figures["cost"]["layout"]["yaxis"]["title"]["text"] == "CER %"


def test_figures_need_no_forbidden_style(shared_page):
    """Plotly sets powers of ten, bold and slanted text with style attributes."""
    for id, figure in shared_page.figures.items():
        assert '"exponentformat": "power"' not in json.dumps(figure), id
        axes = [axis for name, axis in figure["layout"].items() if name.startswith("xaxis")]
        assert all(axis["exponentformat"] == "e" for axis in axes), id


def test_many_trials_are_thinned(tmp_path):
    small, large = made_up(tmp_path / "small", 20), made_up(tmp_path / "large", 3_000)
    pages = [page_of(root) for root in (small, large)]
    of_figures = [sum(len(json.dumps(figure)) for figure in page.figures.values()) for page in pages]
    assert of_figures[1] < 1_500_000
    assert "of 3,000 trials are drawn" in pages[1].text
    (best,) = (t for t in pages[1].figures["history"]["data"] if t["name"] == "best so far")
    assert min(numbers(best["y"])) == pytest.approx(100 * min(map(final_wer, range(3_000))))


def final_wer(i: int) -> float:
    return random.Random(i).random()


def made_up(root: Path, trials: int) -> Path:
    """A ledger without files beside it, one trial after the other in four processes."""
    root.mkdir()
    events = [{"event": "search_started", "slots": 4}]
    for i in range(trials):
        trial = f"{i:05d}"
        events.append(
            {"event": "created", "trial": trial, "params": {"lr": 1 / (1 + i), "kind": "ab"[i % 2]}, "seed": i}
        )
        events.append({"event": "started", "trial": trial, "process": f"host:{i % 4}"})
        wer = final_wer(i)
        events.append({"event": "report", "trial": trial, "epoch": 1, "val_wer": wer, "objective": wer, "seconds": 2.0})
        events[-1] |= {"val_cer": wer, "val_loss": None, "last": False}
        verdict = "stop" if i % 3 else "continue"
        events.append({"event": "decision", "trial": trial, "rung": 0, "epoch": 1, "value": wer, "verdict": verdict})
        events.append({"event": "pruned" if i % 3 else "finished", "trial": trial})
    lines = (json.dumps({"time": f"2026-01-01T00:00:{i % 60:02d}Z", **event}) for i, event in enumerate(events))
    (root / "trials.jsonl").write_text("\n".join(lines) + "\n")
    return root
