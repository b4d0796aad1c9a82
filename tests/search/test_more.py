"""Finished searches that go on with more, through the doors, killed in between."""

import json
import shutil
from pathlib import Path

import pytest

from tests.ledgers import story

ASSETS = Path(__file__).parents[1] / "assets"


def killed_and_resumed(workspace, name, reports, *flags):
    """Go on, kill the search after some reports, and resume it."""
    before = workspace.reports(name)
    process = workspace.popen("search", "--resume", f"results/{name}", *flags)
    workspace.wait_for(process, lambda: workspace.reports(name) >= before + reports)
    workspace.kill(process)
    workspace.run("search", "--resume", f"results/{name}")


def summary(workspace, name):
    return json.loads((workspace.root / "results" / name / "summary.json").read_text())


@pytest.mark.slow
def test_killed_search_goes_on_alike(workspace):
    """With more trials, then with a longer horizon; the longer trial is trained again to its result."""
    results = workspace.root / "results"
    workspace.run("search", "--space", "space.yaml", "--num-samples", "3")
    shutil.copytree(results / "space", results / "cut")
    workspace.run("search", "--resume", "results/space", "--num-samples", "5")
    killed_and_resumed(workspace, "cut", 3, "--num-samples", "5")
    assert story(workspace.ledger("cut")) == story(workspace.ledger())
    assert sum(summary(workspace, "cut")["trials"].values()) == 5

    lines = workspace.run("search", "--resume", "results/space", "--max-epochs", "9").stdout
    assert "epoch   9/9" in lines and "longer    setting of" in lines
    killed_and_resumed(workspace, "cut", 5, "--max-epochs", "9")
    assert story(workspace.ledger("cut")) == story(workspace.ledger())

    longest = next(event for event in workspace.ledger() if event["event"] == "report" and event["epoch"] == 9)
    again = workspace.run("train", "--config", "results/space/search.yaml", "--trial", longest["trial"]).stdout
    best = min(
        (event for event in workspace.ledger() if event["event"] == "report" and event["trial"] == longest["trial"]),
        key=lambda event: (event["val_wer"], event["val_cer"], event["val_loss"]),
    )
    assert json.loads(again.splitlines()[-1])["val_loss"] == best["val_loss"]


@pytest.mark.slow
def test_old_search_goes_on_in_its_mode(workspace):
    """A folder of release 0.1.0 stops at rungs, and has no waves."""
    shutil.copytree(ASSETS / "results-0.1.0", workspace.root / "results" / "old")
    created = sum(event["event"] == "created" for event in workspace.ledger("old"))
    workspace.run("search", "--resume", "results/old", "--num-samples", str(created + 1), "--dry-run")
    workspace.run("search", "--resume", "results/old", "--num-samples", str(created + 1))
    kinds = [event["event"] for event in workspace.ledger("old")]
    assert kinds.count("created") == created + 1
    assert [e["cause"] for e in workspace.ledger("old") if e["event"] == "plan"] == ["start", "num_samples"]
    assert "wave" not in kinds
