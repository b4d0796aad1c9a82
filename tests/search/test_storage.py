"""Search without a beginning: full disk, or too few CPUs."""

import subprocess
import sys


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
