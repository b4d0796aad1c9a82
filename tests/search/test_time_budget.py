"""Time budgets with real Ray and real steps; nothing here depends on how fast the machine is."""

from __future__ import annotations

import pytest

LIMITS = ("--num-samples", "4", "--max-epochs", "4")


def of(workspace, kind):
    return [event for event in workspace.ledger() if event["event"] == kind]


@pytest.fixture(scope="module")
def budgeted(tmp_path_factory, make_workspace):
    """A search that has more time than it needs."""
    workspace = make_workspace(tmp_path_factory.mktemp("budgeted"))
    workspace.stdout = workspace.run("search", "--space", "space.yaml", "--time-budget", "1h", *LIMITS).stdout
    return workspace


def test_plan_has_the_deadline(budgeted):
    plan = of(budgeted, "plan")[0]
    assert plan["deadline_seconds"] == 3600
    assert (plan["trials"], plan["limit"], plan["horizon"]) == (4, 4, 4)
    assert of(budgeted, "search_started")[0]["before_seconds"] > 0


def test_three_lines_tell_the_plan(budgeted):
    lines = [line for line in budgeted.stdout.splitlines() if "time budget 1h" in line or "winner is trained" in line]
    assert len(lines) == 2
    assert "about 4 trials fit, 1 at a time" in budgeted.stdout


def test_winner_is_trained_to_the_end(budgeted):
    assert of(budgeted, "finished")
    assert max(event["epoch"] for event in of(budgeted, "report")) == 4


def test_finished_search_stays_finished(budgeted):
    before = budgeted.ledger()
    assert "is finished" in budgeted.run("search", "--resume", "results/space").stdout
    assert budgeted.ledger() == before


def test_short_budget_names_the_shortest(workspace):
    result = workspace.run("search", "--space", "space.yaml", "--time-budget", "1s", expect=2)
    assert "one trial of 1 epoch does not fit into it" in result.stderr
    assert "The smallest that would do is about" in result.stderr
    assert not (workspace.root / "results" / "space").exists()


def test_forecast_starts_no_search(workspace):
    lines = workspace.run("search", "--space", "space.yaml", "--dry-run", "--time").stdout.splitlines()
    kinds = [line.split()[0] for line in lines[-5:]]
    assert kinds == ["epoch", "time", "epochs", "memory", "disk"]
    assert not (workspace.root / "results").exists()


@pytest.mark.slow
def test_resume_with_more_time_opens_a_wave(budgeted):
    """The search that was limited goes on without the limit, until its time is spent."""
    created, before = len(of(budgeted, "created")), budgeted.ledger()
    refused = budgeted.run("search", "--resume", "results/space", "--time-budget", "1s", expect=2)
    assert "error: --time-budget: is 1s, but the start takes " in refused.stderr
    assert budgeted.ledger() == before
    budgeted.run("search", "--resume", "results/space", "--time-budget", "60s")
    plan = next(event for event in of(budgeted, "plan") if event["cause"] == "1m more")
    assert "limit" not in plan
    assert len(of(budgeted, "created")) >= created
    assert of(budgeted, "search_ended")[-1]["status"] == "finished"
