"""Workers that hang: killed and retried, or left with their slot."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import yaml

from tests.conftest import TINY_SPACE
from tests.processes import assert_gone, with_variable

PROGRAMS = Path(__file__).parents[1] / "programs"
SCORES = ("trial", "epoch", "val_wer", "val_cer", "val_loss")


def scores(events):
    return [{key: event[key] for key in SCORES} for event in events if event["event"] == "report"]


@pytest.mark.slow
def test_stopped_worker_is_killed_and_retried(workspace, finished):
    workspace.write("space.yaml", {**TINY_SPACE, "resources": {"silence": 0.4}})
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 3)
    worker = next(event["process"] for event in workspace.ledger() if event["event"] == "started")
    os.kill(int(worker.rpartition(":")[2]), signal.SIGSTOP)
    out, err = process.communicate(timeout=170)
    assert process.returncode == 0, out + err
    cause = f"its process {worker} has said nothing for"
    assert f"silent    {cause}" in out
    (retried,) = [event for event in workspace.ledger() if event.get("retry")]
    assert retried["cause"].startswith(cause)
    assert scores(workspace.ledger()) == scores(finished.ledger())


@pytest.mark.slow
def test_worker_that_outlives_its_kill_costs_a_slot(workspace):
    """A process of another name is not killed, as one in a system call is not."""
    for name in ("own.py", "hung.py"):
        shutil.copy(PROGRAMS / name, workspace.root)
    base = yaml.safe_load((workspace.root / "config.yaml").read_text())
    workspace.write("config.yaml", {**base, "model": {"target": "hung.Recogniser", "dim": 16}})
    space = {
        "config": "config.yaml",
        "param_space": {"model.dim": {"grid_search": [16, 20, 24]}},
        "search": {"max_concurrent": 2, "num_samples": 1},
        "asha": {"grace_period": 6},
        "resources": {"cpus_per_trial": 0.5, "silence": 0.2},
    }
    workspace.write("space.yaml", space)
    run = workspace.run("search", "--space", "space.yaml", TMPDIR=str(workspace.root))
    assert "it outlives its kill by 1 min 0 s" in run.stdout
    assert [event["event"] for event in workspace.ledger()].count("finished") == 3
    assert workspace.ledger()[-1]["status"] == "finished"
    assert_gone(lambda: with_variable(f"TUNE_ASR_TMPDIR={workspace.root}"), seconds=30)
