"""Search without a beginning: full disk, or too few CPUs; and a disk that fails later."""

import subprocess
import sys
from pathlib import Path

import pytest

FAILING_DISK = Path(__file__).parents[1] / "programs" / "failing_disk.py"


def test_full_disk_is_refused_at_start(workspace):
    command = [sys.executable, "-m", "tune_asr.search", "--space", "space.yaml"]
    limited = ["sh", "-c", 'ulimit -f 1 && exec "$@"', "sh", *command]
    run = subprocess.run(limited, cwd=workspace.root, capture_output=True, text=True, timeout=170)
    assert run.returncode == 5, run.stderr
    assert "results/space: the folder cannot be written: the file would exceed the size limit" in run.stderr
    assert workspace.ledger() == []


def test_refused_search_leaves_no_folder(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--set", "resources.cpus_per_trial=4096", expect=2)
    assert "a trial needs 4096 CPUs" in run.stderr
    assert not (workspace.root / "results" / "space").exists()


@pytest.mark.slow
@pytest.mark.parametrize("listing", [1, 2])
def test_disk_that_fails_once_is_exit_5(workspace, listing):
    """The search resumes, and no trial is to blame."""
    command = [sys.executable, FAILING_DISK, str(listing), "--space", "space.yaml", "--num-samples", "2"]
    run = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, timeout=170)
    assert run.returncode == 5, run.stdout + run.stderr
    assert "checkpoints/00001: cannot look for checkpoints: Input/output error" in run.stderr
    assert "Traceback" not in run.stderr
    assert workspace.ledger()[-1]["status"] == "interrupted"
    workspace.run("search", "--resume", "results/space")
    assert workspace.ledger()[-1]["status"] == "finished"
    assert not any(event["event"] == "failed" or event.get("retry") for event in workspace.ledger())
