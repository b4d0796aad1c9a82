"""Killed and resumed searches equal an undisturbed one."""

import os
import resource
import shutil
import signal
import subprocess
import time

import pytest
import torch

from tests.ledgers import story
from tests.processes import assert_gone, with_variable
from tune_asr.record.checkpoints import write_checkpoint
from tune_asr.search.interrupts import EARLY
from tune_asr.training.checkpoints import RAW_WEIGHTS


def newest_checkpoint(workspace):
    """Return epoch and checkpoint of the last report."""
    running = [event for event in workspace.ledger() if event["event"] == "report"][-1]
    return f"epoch_{running['epoch']:03d}", workspace.root / "results" / "space" / running["checkpoint"]


class Planted:
    """Object that makes a file when it is unpickled."""

    def __reduce__(self):
        return open, ("planted", "w")


def test_three_kills_change_nothing(workspace, finished):
    """Nor does a damaged checkpoint, or a planted one."""
    folders = {"TMPDIR": str(workspace.root)}  # too long for the sockets of Ray, which gets another
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
        if reports == 9:
            planted, path = newest_checkpoint(workspace)
            write_checkpoint(path.parent, {path.name: lambda where: torch.save(Planted(), where)})
        # All that is not ledger, search.yaml and checkpoints is disposable.
        for name in ("leaderboard.csv", "summary.json", "best.yaml", "best.ckpt"):
            (workspace.root / "results" / "space" / name).unlink(missing_ok=True)
        shutil.rmtree(workspace.root / "results" / "space" / ".tune", ignore_errors=True)
        (workspace.root / "results" / "space" / f".tmp-{reports:032x}").write_bytes(b"half")
        process = workspace.popen("search", "--resume", "results/space", **folders)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"{damaged}: checkpoint.ckpt does not match its SHA-256" in "".join([*said, out])
    assert f"{planted}: holds more than tensors and plain values" in "".join([*said, out])
    assert not (workspace.root / "planted").exists()
    assert story(workspace.ledger()) == story(finished.ledger())
    assert not list(workspace.root.glob("tune_asr-ray-*"))  # the tokens, of those that were killed too
    assert not list((workspace.root / "results").rglob(".tmp-*"))
    summary = "results/space/summary.json"
    assert '"status": "finished"' in (workspace.root / summary).read_text()


AVERAGED = ("--set", "checkpoint.weights=ema", "--set", "augment.noise_p=0.5", "--num-samples", "2")


@pytest.mark.slow
def test_ema_and_noise_survive_a_kill(workspace):
    """The weights of best.ckpt are the averaged ones."""
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


@pytest.fixture(scope="module")
def troubled(make_workspace, tmp_path_factory):
    """Search with a killed worker, SIGTERM, SIGUSR1 to all its processes, full disk and SIGINT.

    It is resumed after each of the last four. The size limit is the driver's alone, so only the ledger meets it.
    """
    workspace = make_workspace(tmp_path_factory.mktemp("troubled"))
    workspace.ends = {}
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 3)
    worker = next(event["process"] for event in workspace.ledger() if event["event"] == "started")
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    for reports, trouble in (
        (6, signal.SIGTERM),
        (8, signal.SIGUSR1),
        (10, "full disk"),
        (12, signal.SIGINT),
    ):
        workspace.wait_for(process, lambda at=reports: workspace.reports() >= at)
        if trouble == "full disk":
            size = (workspace.root / "results" / "space" / "trials.jsonl").stat().st_size
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            out, err = process.communicate(timeout=170)
        elif trouble is signal.SIGUSR1:  # as a batch system warns a job
            os.killpg(process.pid, trouble)
            out, err = process.communicate(timeout=60)
        else:
            out, err = workspace.kill(process, trouble)
        workspace.ends[trouble] = (process.returncode, out, err, workspace.ledger())
        process = workspace.popen("search", "--resume", "results/space")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return workspace


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_signal_ends_a_search_resumably(troubled, finished, number):
    code, out, err, events = troubled.ends[number]
    assert code == 128 + number, err
    assert "--resume results/space" in out
    assert events[-1]["status"] == "interrupted"
    told = story(events)
    assert told == story(finished.ledger())[: len(told)]


def test_full_disk_is_exit_5(troubled):
    code, _, err, _ = troubled.ends["full disk"]
    assert code == 5, err
    assert "the file would exceed the size limit" in err


def test_killed_worker_is_retried_from_last_epoch(troubled):
    assert "its process died" in troubled.ends[signal.SIGTERM][1]
    assert "raylet" not in troubled.ends[signal.SIGTERM][1]  # it would print a line of its own
    died = [event for event in troubled.ledger() if event["event"] == "paused" and "retry" in event]
    resumed = next(event for event in troubled.ledger() if event["event"] == "resumed")
    assert [event["retry"] for event in died] == [1]
    assert (resumed["trial"], resumed["cause"]) == (died[0]["trial"], died[0]["cause"])


def test_troubled_search_equals_undisturbed_one(troubled, finished):
    assert story(troubled.ledger()) == story(finished.ledger())
    assert not any(event["event"] == "failed" for event in troubled.ledger())


@pytest.mark.slow
def test_removed_checkpoint_is_named(workspace, finished):
    """The one before is used."""
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 4)
    workspace.kill(process)
    removed, path = newest_checkpoint(workspace)
    shutil.rmtree(path.parent)
    run = workspace.run("search", "--resume", "results/space")
    assert f"{removed}: removed" in run.stdout
    assert story(workspace.ledger()) == story(finished.ledger())


@pytest.mark.slow
def test_sigusr1_of_driver_alone_is_138(workspace, finished):
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 3)
    _, err = workspace.kill(process, signal.SIGUSR1)
    assert process.returncode == 138, err
    assert workspace.ledger()[-1]["status"] == "interrupted"
    workspace.run("search", "--resume", "results/space")
    assert story(workspace.ledger()) == story(finished.ledger())


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(other, marks=pytest.mark.slow) for other in (signal.SIGINT, signal.SIGUSR1))],
)
@pytest.mark.parametrize("part", ["gcs/gcs_server", pytest.param("raylet/raylet", marks=pytest.mark.slow)])
def test_signal_at_start_leaves_nothing(workspace, number, part):
    folders = {"TMPDIR": str(workspace.root)}
    process = workspace.popen("search", "--space", "space.yaml", **folders)
    workspace.wait_for(process, lambda: child_of(process, part))
    out, err = workspace.kill(process, number)
    assert process.returncode == 128 + number, err
    assert out.endswith(f"starting Ray\n{EARLY}\n")
    assert err == ""
    assert not list(workspace.root.glob("tune_asr-ray-*"))  # the token
    assert not (workspace.root / "results" / "space").exists()
    assert_none_is_left(f"TUNE_ASR_TMPDIR={workspace.root}")


def child_of(process, part):
    """Return the child with `part` in its command line, or None."""
    children = subprocess.run(["pgrep", "-P", str(process.pid), "-f", part], capture_output=True, text=True)
    return int(children.stdout.split()[0]) if children.stdout else None


def assert_none_is_left(variable):
    assert_gone(lambda: with_variable(variable), seconds=30)


@pytest.mark.parametrize("part", [pytest.param("raylet/raylet", marks=pytest.mark.slow), "gcs/gcs_server"])
def test_lost_ray_is_exit_6(workspace, part):
    """Nothing is left of it, and a resume starts another."""
    # Trials long enough not to be over before the loss is felt.
    few = ("--set", "data.num_train=128", "--num-samples", "2")
    folders = {"TMPDIR": str(workspace.root)}
    process = workspace.popen("search", "--space", "space.yaml", *few, **folders)
    workspace.wait_for(process, lambda: workspace.reports() >= 1)
    os.kill(child_of(process, part), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 6, err
    assert err.count("Ray was lost") == 1
    assert f"its {part.partition('/')[2]} (pid " in err
    assert "--resume results/space" in err
    assert not list(workspace.root.glob("tune_asr-ray-*"))  # the token
    assert_none_is_left(f"TUNE_ASR_TMPDIR={workspace.root}")
    # A trial's process that ends with its Ray is no fault of the trial's.
    assert not any(event.get("retry") for event in workspace.ledger())
    workspace.run("search", "--resume", "results/space")
    ends = [event["event"] for event in workspace.ledger() if event["event"] in ("finished", "pruned", "failed")]
    assert len(ends) == 2
    assert "failed" not in ends


@pytest.mark.slow
def test_ray_lost_at_end_costs_nothing(workspace):
    folders = {"TMPDIR": str(workspace.root)}
    process = workspace.popen("search", "--space", "space.yaml", "--num-samples", "1", **folders)
    workspace.wait_for(process, lambda: any(event["event"] == "finished" for event in workspace.ledger()))
    os.kill(child_of(process, "gcs/gcs_server"), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    # Tune may still ask something of Ray or not: exit code, message and ledger must agree.
    ended = workspace.ledger()[-1]["event"] == "search_ended" and workspace.ledger()[-1]["status"] == "finished"
    assert (process.returncode, err.count("Ray was lost"), ended) in ((0, 0, True), (6, 1, False)), err
    assert_none_is_left(f"TUNE_ASR_TMPDIR={workspace.root}")
    reports = workspace.reports()
    assert "the search is finished" in workspace.run("search", "--resume", "results/space").stdout
    assert workspace.ledger()[-1]["status"] == "finished"
    assert workspace.reports() == reports


@pytest.mark.slow
def test_sigterm_of_ray_too_is_143(workspace):
    folders = {"TMPDIR": str(workspace.root)}
    few = ("--set", "data.num_train=128", "--num-samples", "2")
    process = workspace.popen("search", "--space", "space.yaml", *few, **folders)
    workspace.wait_for(process, lambda: workspace.reports() >= 1)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert "Ray was lost" not in err
    assert "resume with: python -m tune_asr.search --resume results/space" in out
    assert_none_is_left(f"TUNE_ASR_TMPDIR={workspace.root}")
