"""Searches on two GPUs that exist only in Ray's books: which one does each trial ask for?

Trials train on the CPU. What they may see is what Ray gave them.
"""

import json
import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest
import yaml

PROGRAMS = Path(__file__).parents[1] / "programs"
TWO_GPUS = {"RAY_OVERRIDE_RESOURCES": json.dumps({"GPU": 2, "CPU": 2})}
DIMS = [8, 12, 16, 20, 24, 28]


@pytest.fixture
def gpus(workspace):
    """Function that searches on faked GPUs, and returns what the trainings noted."""
    for name in ("own.py", "on_gpu.py"):
        shutil.copy(PROGRAMS / name, workspace.root)

    def searched(share, *, expect=0, marks=None, **environment):
        config = yaml.safe_load((workspace.root / "config.yaml").read_text())
        trainer = {"max_epochs": 1, "accelerator": "cpu"}
        workspace.write(
            "config.yaml", {**config, "model": {"target": "on_gpu.Recogniser", "dim": 8}, "trainer": trainer}
        )
        space = {
            "config": "config.yaml",
            "param_space": {"model.dim": {"grid_search": DIMS}},
            "search": {"num_samples": 1},
            "asha": {"grace_period": 1, "max_t": 1},
            "resources": {"gpus_per_trial": share, "cpus_per_trial": 0.5},
        }
        workspace.write("space.yaml", space)
        for name, times in (marks or {}).items():
            (workspace.root / name).write_text(str(times))
        workspace.search = workspace.run("search", "--space", "space.yaml", expect=expect, **TWO_GPUS, **environment)
        path = workspace.root / "seen.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    searched.workspace = workspace
    return searched


def most_at_once(seen, events, gpu):
    """Largest number of trials that had a GPU at the same time, from their first step to their end in the ledger."""
    dims = {event["trial"]: event["params"]["model.dim"] for event in events if event["event"] == "created"}
    ends = {
        dims[event["trial"]]: datetime.fromisoformat(event["time"]).timestamp()
        for event in events
        if event["event"] == "finished"
    }
    held = [(line["time"], ends[line["dim"]]) for line in seen if gpu in line["given"]]
    return max((sum(begin <= at < end for begin, end in held) for at, _ in held), default=0)


def assert_sees_given_alone(seen):
    assert {line["dim"] for line in seen} == set(DIMS)
    for line in seen:
        assert line["visible"] == ",".join(line["given"]), "CUDA sees what Ray gave"
        assert len(line["given"]) == 1
    of_process = {}
    for line in seen:
        assert of_process.setdefault(line["process"], line["visible"]) == line["visible"], (
            "for the process's whole life"
        )


def test_shared_gpus_in_reused_processes(gpus):
    """Four trials on two parts of GPUs (MIG). One runs out of memory beside its neighbour, one loses its GPU."""
    seen = gpus(0.5, marks={"fill-16": 1, "lose-24": 1}, CUDA_VISIBLE_DEVICES="MIG-aa,MIG-bb")
    assert_sees_given_alone(seen)
    assert {line["visible"] for line in seen} == {"MIG-aa", "MIG-bb"}
    assert len({line["process"] for line in seen}) < len(seen)
    events = gpus.workspace.ledger()
    [started] = [event for event in events if event["event"] == "search_started"]
    assert (started["slots"], started["device"], started["trials_per_device"]) == (4, "GPU", 2)
    assert started["device_reason"] == "resources.gpus_per_trial is 0.5"
    assert "device: GPU, of unknown memory; 2 trials share a GPU" in gpus.workspace.search.stdout
    ends = [event["event"] for event in events if event["event"] in ("finished", "failed", "pruned", "diverged")]
    assert ends == ["finished"] * len(DIMS)
    paused = sorted((event["cause"], event.get("retry")) for event in events if event["event"] == "paused")
    [full, lost] = [each for each in paused if each[0] != "rung"]
    assert full == ("a batch does not fit in memory (CUDA out of memory), beside other trials on its GPU", None)
    assert lost == ("the GPU failed: CUDA error: unspecified launch failure", 1)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 1, "auto"])
@pytest.mark.parametrize("plain", ["0", "1"])
def test_gpus_are_not_oversubscribed(gpus, share, plain):
    """In preloaded processes, and in those that Ray starts for each trial."""
    seen = gpus(share, TUNE_ASR_PLAIN_RAY=plain)
    assert_sees_given_alone(seen)
    most = 3 if share == 0.3 else 1
    assert all(most_at_once(seen, gpus.workspace.ledger(), gpu) <= most for gpu in ("0", "1"))
    assert ("10.0 % of it stays unused" in gpus.workspace.search.stdout) == (share == 0.3)


@pytest.mark.slow
def test_packing_is_measured_first(gpus):
    """The CPUs allow two a GPU; whether they pay is measured on this machine."""
    seen = gpus("pack")
    assert_sees_given_alone(seen)
    [started] = [event for event in gpus.workspace.ledger() if event["event"] == "search_started"]
    assert started["trials_per_device"] in (1, 2)
    assert started["slots"] == 2 * started["trials_per_device"]
    assert "times as fast as one alone" in started["device_reason"]


@pytest.mark.slow
def test_lost_gpu_ends_the_search(gpus):
    """Every training fails as a lost GPU lets it. No trial is called failed, and a resume continues."""
    gpus("auto", expect=6, marks={f"lose-{dim}": 100 for dim in DIMS})
    err = gpus.workspace.search.stderr
    assert "cannot be run on this Ray, whatever the setting: the GPU failed: CUDA error: unspecified launch" in err
    assert "\n    Look at the GPU (`nvidia-smi`, `dmesg`): free it, or leave it out" in err
    assert not [event for event in gpus.workspace.ledger() if event["event"] == "failed"]
    for dim in DIMS:
        (gpus.workspace.root / f"lose-{dim}").unlink()
    gpus.workspace.run("search", "--resume", "results/space", **TWO_GPUS)
    assert sum(event["event"] == "finished" for event in gpus.workspace.ledger()) == len(DIMS)


def test_trial_without_its_gpu_is_refused(gpus):
    """Ray gives a GPU, and torch finds none: no trial may train on the CPU for hours instead."""
    config = yaml.safe_load((gpus.workspace.root / "config.yaml").read_text())
    gpus.workspace.write("config.yaml", {**config, "trainer": {"max_epochs": 1}})
    gpus.workspace.write("space.yaml", {"config": "config.yaml", "param_space": {}, "resources": {"gpus_per_trial": 1}})
    run = gpus.workspace.run(
        "search", "--space", "space.yaml", expect=2, **TWO_GPUS, CUDA_VISIBLE_DEVICES="MIG-aa,MIG-bb"
    )
    assert re.search("error: Ray gave the trial the GPU MIG-(aa|bb), but it cannot be used: ", run.stderr)
    assert not (gpus.workspace.root / "results" / "space").exists()
