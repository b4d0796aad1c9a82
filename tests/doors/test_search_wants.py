"""Searches that want more than a low error rate, or start from an earlier one, as a user runs them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import TINY_SPACE, Workspace
from tune_asr.record.folder import ResultsFolder

PROGRAM = Path(__file__).parents[1] / "programs" / "loaded.py"
OLD = Path(__file__).parents[1] / "assets" / "results-0.1.0"
SPACE = {
    **TINY_SPACE,
    "param_space": {**TINY_SPACE["param_space"], "model.dim": {"choice": [8, 16, 32, 64]}},
    "search": {
        "num_samples": 8,
        "max_concurrent": 1,
        "warm_start": "old",
        "limits": {"num_parameters": 6e3, "rtf": 1e3},
        "objectives": ["val_wer", "num_parameters"],
    },
}


def refused(workspace: Workspace, *settings: str, code: int) -> str:
    """Return the message of a search that neither Ray nor a folder is made for."""
    flags = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, PROGRAM, "ray", "search", "--space", "space.yaml", *flags]
    run = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, timeout=120)
    *message, ray_was_loaded = run.stderr.splitlines()
    assert (run.returncode, ray_was_loaded) == (code, "False"), run.stderr
    assert "Traceback" not in run.stderr
    assert not (workspace.root / "results").exists()
    return "\n".join(message)


@pytest.fixture(scope="module")
def wanting(make_workspace, tmp_path_factory) -> Workspace:
    """A search with a limit that the base is beyond, two objectives, and scores of release 0.1.0."""
    workspace = make_workspace(tmp_path_factory.mktemp("wanting"))
    workspace.write("space.yaml", SPACE)
    (workspace.root / "old").symlink_to(OLD)
    workspace.stdout = workspace.run("search", "--space", "space.yaml").stdout
    return workspace


def test_scores_are_copied_before_the_plan(wanting):
    """The earlier search varied no dimension: it was 16 in all of its trials."""
    kinds = [event["event"] for event in wanting.ledger()]
    warm = [event for event in wanting.ledger() if event["event"] == "warm"]
    assert kinds[: len(warm) + 2] == ["search_started", *["warm"] * len(warm), "plan"]
    assert {event["params"]["model.dim"] for event in warm} == {16}
    assert f"warm start: {len(warm)} scores of" in wanting.stdout
    assert "warm start: the data differ" in wanting.stdout


def test_first_report_has_size_and_speed(wanting):
    for event in wanting.ledger():
        if event["event"] == "report":
            assert ("num_parameters" in event, "rtf" in event) == (event["epoch"] == 1,) * 2
            assert event.get("rtf", 1) > 0


def test_limit_ends_all_but_the_base(wanting):
    events = wanting.ledger()
    sizes = {event["trial"]: event["num_parameters"] for event in events if event.get("num_parameters")}
    beyond = {trial for trial, size in sizes.items() if size > 6000}
    ended = {event["trial"]: event for event in events if event["event"] == "pruned" and event.get("cause") == "limit"}
    assert "00000" in beyond
    assert ended.keys() == beyond - {"00000"}
    marks = [event for event in events if event["event"] == "decision" and event.get("limit")]
    assert {(mark["trial"], mark["verdict"]) for mark in marks} == {
        (trial, "stop" if trial in ended else "continue") for trial in beyond
    }
    epochs = [event["epoch"] for event in events if event["event"] == "report" and event["trial"] == "00000"]
    assert epochs == list(range(1, 7))


def test_winner_is_within_the_limit(wanting):
    root = wanting.root / "results" / "space"
    with (root / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    best = json.loads((root / "summary.json").read_text())["best"]
    assert best["trial"] == rows[0]["trial"]
    assert int(rows[0]["num_parameters"]) <= 6000
    assert yaml.safe_load((root / "best.yaml").read_text())["model"]["dim"] in (8, 16)
    assert "true" in {row["pareto_front"] for row in rows}
    assert {row["beyond_limit"] for row in rows} <= {"", "num_parameters"}
    assert f"best: trial {best['trial']}" in wanting.stdout


def test_decisions_follow_from_the_ledger(wanting):
    out = " ".join(wanting.run("report", "results/space").stdout.split())
    assert "decisions are not the same" not in out
    assert "it is the reference, and cannot be the best" in out


@pytest.mark.slow
def test_torn_copy_of_scores_is_completed(wanting):
    """The search was killed between two of them, and begins with all of them nevertheless."""
    whole = wanting.root / "results" / "space"
    torn = wanting.root / "results" / "torn"
    torn.mkdir()
    (torn / "search.yaml").write_bytes((whole / "search.yaml").read_bytes())
    lines = (whole / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (torn / "trials.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    wanting.run("search", "--resume", "results/torn")

    def scores(name: str) -> list[dict]:
        found = [event for event in wanting.ledger(name) if event["event"] in ("warm", "plan", "created")]
        return [{key: value for key, value in event.items() if key != "time"} for event in found]

    assert scores("torn")[:15] == scores("space")[:15]
    assert [event["event"] for event in scores("torn")].count("warm") == 4


def test_earlier_folder_is_not_needed_again(wanting):
    (wanting.root / "old").unlink()
    assert "is finished" in wanting.run("search", "--resume", "results/space").stdout


def test_limit_that_nothing_meets(workspace):
    workspace.write("space.yaml", {**SPACE, "search": {"limits": {"num_parameters": 100}}})
    message = refused(workspace, code=2)
    assert message.startswith("error: search.limits.num_parameters: is 100, but models of this space have 1,")
    assert "Raise it to 1" in message
    dry = workspace.run("search", "--space", "space.yaml", "--dry-run", expect=2)
    assert dry.stderr.splitlines()[0] == message.splitlines()[0]


def test_one_size_is_named_alone(workspace):
    message = refused(workspace, "search.limits.num_parameters=100", code=2)
    assert "each have 16,134 parameters" in message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("search.limits.size=5", "search.limits.size=5: unknown key"),
        ("search.limits.rtf=-1", "search.limits.rtf=-1: is -1, but must be above 0"),
        ("search.objectives=[speed]", "is 'speed', but must be 'val_wer', 'val_cer', 'num_parameters' or 'rtf'"),
        ("search.warm_start=nowhere", "search.warm_start: is "),
    ],
)
def test_mistakes_are_sentences(workspace, setting, message):
    assert message in refused(workspace, setting, code=2)


def test_unfit_folders_are_refused(workspace, tmp_path):
    """Another space's, a running one, and none at all."""
    (workspace.root / "none").mkdir()
    assert "this is not a results folder" in refused(workspace, "search.warm_start=none", code=5)
    workspace.write("space.yaml", {**SPACE, "param_space": {"model.num_layers": {"choice": [1, 2]}}, "search": {}})
    message = refused(workspace, f"search.warm_start={OLD}", code=2)
    assert "searched optimizer.lr, model.dropout, and none of the keys of this space" in message
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("search.yaml", "trials.jsonl"):
        (copy / name).write_bytes((OLD / name).read_bytes())
    with ResultsFolder(copy).lock():
        assert "a search runs here" in refused(workspace, f"search.warm_start={copy}", code=5)
    (copy / "trials.jsonl").write_text("{]\n{}\n")
    assert "trials.jsonl:1" in refused(workspace, f"search.warm_start={copy}", code=5)


def test_dry_run_tells_of_the_warm_start(workspace):
    workspace.write("space.yaml", {**SPACE, "search": {}})
    out = workspace.run("search", "--space", "space.yaml", "--dry-run", "--set", f"search.warm_start={OLD}").stdout
    assert "warm start: " in out
    assert "the base differs in data.num_train: 96, now 64" in out
