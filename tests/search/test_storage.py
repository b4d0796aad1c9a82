"""A disk that is full, on a real file system that is."""

import subprocess

import pytest


@pytest.fixture
def small_disk(workspace):
    """`results/` on a file system of two megabytes; root, whom modes do not bind, is bound by it."""
    disk = workspace.root / "results"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_runs_full_is_exit_5_and_the_search_goes_on_when_there_is_room(workspace, small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1_300_000))
    run = workspace.run("search", "--space", "space.yaml", expect=5)
    assert "no space" in run.stderr.lower() or "full" in run.stderr.lower()
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    run = workspace.run("search", "--resume", "results/space")
    ends = [event["event"] for event in workspace.ledger() if event["event"] in ("finished", "pruned", "failed")]
    assert len(ends) == 5
    assert "failed" not in ends


def test_a_disk_that_is_full_is_refused_before_anything_starts(workspace, small_disk):
    (small_disk / "ballast").write_bytes(bytes(2 * 2**20 - 16_384))
    run = workspace.run("search", "--space", "space.yaml", expect=5)
    assert "results/space" in run.stderr
    assert workspace.ledger() == []


def test_a_search_that_never_began_leaves_no_folder_in_the_way(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--set", "resources.cpus_per_trial=4096", expect=2)
    assert "a trial needs 4096 CPUs" in run.stderr
    assert not (workspace.root / "results" / "space").exists()
