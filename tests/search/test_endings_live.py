"""End of real searches: with finalists, killed among them, and by `search.stop`."""

from __future__ import annotations

import json

import pytest

from tests.conftest import TINY_SPACE
from tests.ledgers import story

pytestmark = pytest.mark.slow

FINALISTS = ("--set", "search.finalists={top: 2, seeds: 2}", "--num-samples", "3")


def finalists(workspace, name="space"):
    return [e["trial"] for e in workspace.ledger(name) if e["event"] == "created" and e.get("finalist_of")]


def epochs_of(workspace, trial):
    return sum(e["event"] == "report" and e["trial"] == trial for e in workspace.ledger())


@pytest.fixture(scope="module")
def two_searches(make_workspace, tmp_path_factory):
    """Search with finalists, once undisturbed and once killed among them."""
    workspace = make_workspace(tmp_path_factory.mktemp("finalists"))
    workspace.said = workspace.run("search", "--space", "space.yaml", "--name", "whole", *FINALISTS).stdout
    process = workspace.popen("search", "--space", "space.yaml", *FINALISTS)
    for epochs in (2, 4):
        workspace.wait_for(process, lambda at=epochs: epochs_of(workspace, "00004") >= at)
        workspace.kill(process)
        process = workspace.popen("search", "--resume", "results/space")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return workspace


def test_killed_finalists_equal_the_uninterrupted(two_searches):
    assert finalists(two_searches) == ["00003", "00004", "00005", "00006"]
    assert story(two_searches.ledger()) == story(two_searches.ledger("whole"))


def test_winner_has_the_lowest_mean(two_searches):
    folder = two_searches.root / "results" / "space"
    created = {e["trial"]: e["finalist_of"] for e in two_searches.ledger() if e.get("finalist_of")}
    best = {
        trial: min(e["val_wer"] for e in two_searches.ledger() if e["event"] == "report" and e["trial"] == trial)
        for trial in created
    }
    means = {of: sum(best[t] for t in created if created[t] == of) / 2 for of in created.values()}
    winner = json.loads((folder / "summary.json").read_text())["best"]["trial"]
    assert means[created[winner]] == min(means.values())
    assert best[winner] == min(best[t] for t in created if created[t] == created[winner])


def test_finished_search_with_finalists_stays(two_searches):
    before = two_searches.ledger()
    assert "the search is finished" in two_searches.run("search", "--resume", "results/space").stdout
    assert two_searches.ledger() == before


def test_finalists_are_shown(two_searches):
    assert "finalist  setting of" in two_searches.said
    for text in (two_searches.said, two_searches.run("report", "results/space").stdout):
        assert "Finalists: 2 settings, each trained again with 2 fresh seeds" in text
        assert "The setting of 0000" in text


def test_search_stops_by_its_rule(workspace):
    """The base configuration learns; the settings around it hardly do."""
    space = TINY_SPACE | {
        "param_space": {"optimizer.lr": {"loguniform": [1.0e-6, 1.0e-5]}},
        "search": {"num_samples": 64, "max_concurrent": 1, "include_base": True},
        "asha": {"grace_period": 1},
    }
    workspace.write("space.yaml", space)
    said = workspace.run("search", "--space", "space.yaml").stdout
    (stopped,) = [e for e in workspace.ledger() if e["event"] == "stopped"]
    assert [e["trials"] for e in workspace.ledger() if e["event"] == "wave"] == [16, 32, 48]
    assert sum(e["event"] == "created" for e in workspace.ledger()) == 48
    assert stopped["best"] == min(e["val_wer"] for e in workspace.ledger() if e["event"] == "report") < 1
    assert stopped["delta"] > 0
    assert said.count("Stopped after 48 of 64 trials (search.stop)") == 2
    assert "the search is finished" in workspace.run("search", "--resume", "results/space").stdout
    assert "Stopped after 48 of 64 trials" in workspace.run("report", "results/space").stdout
