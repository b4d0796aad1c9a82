"""Killed and resumed: the ledger tells the same story as that of a search that nobody disturbed."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from tune_asr.training.checkpoints import RAW_WEIGHTS

TIMES = {"time", "seconds", "train_seconds", "val_seconds"}
STORY = ("created", "report", "decision", "pruned", "finished", "diverged", "failed")


def story(events):
    """What happened, without when, and without the starts and ends of processes."""
    return [{k: v for k, v in event.items() if k not in TIMES} for event in events if event["event"] in STORY]


def newest_checkpoint(workspace):
    """The epoch that was reported last, and its checkpoint."""
    running = [event for event in workspace.ledger() if event["event"] == "report"][-1]
    return f"epoch_{running['epoch']:03d}", workspace.root / "results" / "space" / running["checkpoint"]


def test_three_kills_of_the_driver_and_a_damaged_checkpoint_change_nothing(workspace, finished):
    folders = {"TMPDIR": str(workspace.root), "RAY_TMPDIR": tempfile.gettempdir()}  # Ray's sockets need a shorter path
    process = workspace.popen("search", "--space", "space.yaml", **folders)
    said = []
    for reports in (4, 9, 14):
        workspace.wait_for(process, lambda at=reports: workspace.reports() >= at)
        time.sleep(0.05 * (reports % 4))
        said.append(workspace.kill(process)[0])
        if reports == 4:
            damaged, path = newest_checkpoint(workspace)
            data = path.read_bytes()
            path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
        # All that is not ledger, search.yaml and checkpoints is disposable.
        for name in ("leaderboard.csv", "summary.json", "best.yaml", "best.ckpt"):
            (workspace.root / "results" / "space" / name).unlink(missing_ok=True)
        shutil.rmtree(workspace.root / "results" / "space" / ".tune", ignore_errors=True)
        process = workspace.popen("search", "--resume", "results/space", **folders)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"{damaged}: checkpoint.ckpt does not match its SHA-256" in said[1]
    assert story(workspace.ledger()) == story(finished.ledger())
    assert not list(workspace.root.glob("tune_asr-ray-*"))  # the tokens, of those that were killed too
    summary = "results/space/summary.json"
    assert '"status": "finished"' in (workspace.root / summary).read_text()


AVERAGED = ("--set", "checkpoint.weights=ema", "--set", "augment.noise_p=0.5", "--num-samples", "2")


@pytest.mark.slow
def test_averaged_weights_and_noise_survive_a_kill_and_are_what_best_ckpt_holds(workspace):
    workspace.run("search", "--space", "space.yaml", "--name", "whole", *AVERAGED)
    process = workspace.popen("search", "--space", "space.yaml", *AVERAGED)
    workspace.wait_for(process, lambda: workspace.reports() >= 2)
    workspace.kill(process)
    workspace.run("search", "--resume", "results/space")
    assert story(workspace.ledger()) == story(workspace.ledger("whole"))
    assert {event["weights"] for event in workspace.ledger() if event["event"] == "report"} == {"ema"}
    ours, theirs = (
        torch.load(workspace.root / "results" / name / "best.ckpt", weights_only=True) for name in ("space", "whole")
    )
    assert ours["state_dict"].keys() == theirs["state_dict"].keys()
    assert all(torch.equal(value, theirs["state_dict"][name]) for name, value in ours["state_dict"].items())
    assert any(not torch.equal(value, ours[RAW_WEIGHTS][name]) for name, value in ours["state_dict"].items())


def test_a_signal_ends_the_search_so_that_it_can_go_on(workspace, finished):
    process = workspace.popen("search", "--space", "space.yaml")
    for reports, number in ((4, signal.SIGTERM), (8, signal.SIGINT)):
        workspace.wait_for(process, lambda at=reports: workspace.reports() >= at)
        out, err = workspace.kill(process, number)
        assert process.returncode == 128 + number, err
        assert "--resume results/space" in out
        assert workspace.ledger()[-1]["status"] == "interrupted"
        told = story(workspace.ledger())
        assert told == story(finished.ledger())[: len(told)]
        if number == signal.SIGTERM:
            process = workspace.popen("search", "--resume", "results/space")


def test_a_trial_whose_process_is_killed_is_retried_from_its_last_epoch(workspace, finished):
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 4)
    worker = next(event["process"] for event in workspace.ledger() if event["event"] == "started")
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "its process died" in out
    paused, resumed = (
        [event for event in workspace.ledger() if event["event"] == name] for name in ("paused", "resumed")
    )
    assert [event["retry"] for event in paused] == [1]
    assert [event["cause"] for event in resumed] == [paused[0]["cause"]]
    assert story(workspace.ledger()) == story(finished.ledger())


@pytest.mark.slow
def test_a_newest_checkpoint_that_was_removed_is_named_and_the_one_before_is_used(workspace, finished):
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 4)
    workspace.kill(process)
    removed, path = newest_checkpoint(workspace)
    shutil.rmtree(path.parent)
    run = workspace.run("search", "--resume", "results/space")
    assert f"{removed}: removed" in run.stdout
    assert story(workspace.ledger()) == story(finished.ledger())


@pytest.mark.slow
def test_sigusr1_which_ends_tune_does_not_end_the_search(workspace, finished):
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 3)
    os.kill(process.pid, signal.SIGUSR1)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert story(workspace.ledger()) == story(finished.ledger())


def test_a_sigterm_while_ray_starts_is_exit_143_and_leaves_nothing(workspace):
    folders = {"TMPDIR": str(workspace.root), "RAY_TMPDIR": tempfile.gettempdir()}
    process = workspace.popen("search", "--space", "space.yaml", **folders)
    workspace.wait_for(process, lambda: child_of(process, "gcs/gcs_server"))
    _, err = workspace.kill(process, signal.SIGTERM)
    assert process.returncode == 143, err
    assert err == ""
    assert not list(workspace.root.glob("tune_asr-ray-*"))  # the token
    assert not (workspace.root / "results" / "space").exists()
    assert_none_is_left(f"TMPDIR={workspace.root}")


def child_of(process, part):
    """The child of a process whose command line has this in it; None where it has none."""
    children = subprocess.run(["pgrep", "-P", str(process.pid), "-f", part], capture_output=True, text=True)
    return int(children.stdout.split()[0]) if children.stdout else None


def assert_none_is_left(variable):
    end = time.monotonic() + 30
    while (left := living(variable)) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left


def living(variable):
    """The processes that have this in their environment, by id and command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append(f"{path.parent.name} {(path.parent / 'cmdline').read_bytes()[:99]!r}")
    return found


@pytest.mark.parametrize("part", [pytest.param("raylet/raylet", marks=pytest.mark.slow), "gcs/gcs_server"])
def test_a_ray_that_is_lost_is_exit_6_leaves_nothing_and_the_search_goes_on_in_another(workspace, part):
    # Trials long enough not to be over before the loss is felt.
    few = ("--set", "data.num_train=128", "--num-samples", "2")
    # Ray's sockets need a shorter path.
    folders = {"TMPDIR": str(workspace.root), "RAY_TMPDIR": tempfile.gettempdir()}
    process = workspace.popen("search", "--space", "space.yaml", *few, **folders)
    workspace.wait_for(process, lambda: workspace.reports() >= 1)
    os.kill(child_of(process, part), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 6, err
    assert err.count("Ray was lost") == 1
    assert f"its {part.partition('/')[2]} (pid " in err
    assert "--resume results/space" in err
    assert not list(workspace.root.glob("tune_asr-ray-*"))  # the token
    assert_none_is_left(f"TMPDIR={workspace.root}")
    # A trial's process that ends with its Ray is no fault of the trial's.
    assert not any(event.get("retry") for event in workspace.ledger())
    workspace.run("search", "--resume", "results/space")
    ends = [event["event"] for event in workspace.ledger() if event["event"] in ("finished", "pruned", "failed")]
    assert len(ends) == 2
    assert "failed" not in ends


@pytest.mark.slow
def test_a_ray_that_is_lost_behind_the_last_trial_takes_nothing_from_the_search(workspace):
    folders = {"TMPDIR": str(workspace.root), "RAY_TMPDIR": tempfile.gettempdir()}
    process = workspace.popen("search", "--space", "space.yaml", "--num-samples", "1", **folders)
    workspace.wait_for(process, lambda: any(event["event"] == "finished" for event in workspace.ledger()))
    os.kill(child_of(process, "gcs/gcs_server"), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    # Tune may still ask something of Ray or not: exit code, message and ledger must agree.
    ended = workspace.ledger()[-1]["event"] == "search_ended" and workspace.ledger()[-1]["status"] == "finished"
    assert (process.returncode, err.count("Ray was lost"), ended) in ((0, 0, True), (6, 1, False)), err
    assert_none_is_left(f"TMPDIR={workspace.root}")
    reports = workspace.reports()
    assert "the search is finished" in workspace.run("search", "--resume", "results/space").stdout
    assert workspace.ledger()[-1]["status"] == "finished"
    assert workspace.reports() == reports


@pytest.mark.slow
def test_a_sigterm_that_ends_ray_too_is_the_sigterm_s_exit_code(workspace):
    folders = {"TMPDIR": str(workspace.root), "RAY_TMPDIR": tempfile.gettempdir()}
    few = ("--set", "data.num_train=128", "--num-samples", "2")
    process = workspace.popen("search", "--space", "space.yaml", *few, **folders)
    workspace.wait_for(process, lambda: workspace.reports() >= 1)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert "Ray was lost" not in err
    assert "resume with: python -m tune_asr.search --resume results/space" in out
    assert_none_is_left(f"TMPDIR={workspace.root}")
