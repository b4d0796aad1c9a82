"""A disk that is full, before a search and during it."""

import resource
import subprocess
import sys


def test_disk_that_fills_up_is_exit_5_and_resumable(workspace):
    """The limit is the driver's alone, and above what Ray writes there: only the ledger meets it."""
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 2)
    ledger = workspace.root / "results" / "space" / "trials.jsonl"
    size = ledger.stat().st_size
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    _, err = process.communicate(timeout=170)
    assert process.returncode == 5, err
    assert "the file would exceed the size limit" in err
    workspace.run("search", "--resume", "results/space")
    ends = [event["event"] for event in workspace.ledger() if event["event"] in ("finished", "pruned", "failed")]
    assert len(ends) == 5
    assert "failed" not in ends


def test_full_disk_is_refused_before_anything_starts(workspace):
    command = [sys.executable, "-m", "tune_asr.search", "--space", "space.yaml"]
    limited = ["sh", "-c", 'ulimit -f 1 && exec "$@"', "sh", *command]
    run = subprocess.run(limited, cwd=workspace.root, capture_output=True, text=True, timeout=170)
    assert run.returncode == 5, run.stderr
    assert "results/space: the folder cannot be written: the file would exceed the size limit" in run.stderr
    assert workspace.ledger() == []


def test_search_that_never_began_leaves_no_folder(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--set", "resources.cpus_per_trial=4096", expect=2)
    assert "a trial needs 4096 CPUs" in run.stderr
    assert not (workspace.root / "results" / "space").exists()
