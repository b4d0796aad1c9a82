"""Faults of one trial, or of one node, in real processes."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

PROGRAMS = Path(__file__).parents[1] / "programs"


@pytest.fixture(scope="module")
def unlucky(make_workspace, documented, tmp_path_factory):
    """Search over documented classes, with a refused draw and without W&B."""
    workspace = make_workspace(tmp_path_factory.mktemp("unlucky"))
    documented(workspace.root)
    config = yaml.safe_load((workspace.root / "own.yaml").read_text())
    workspace.write("config.yaml", {**config, "logging": {"use_wandb": True}})
    space = {
        "config": "config.yaml",
        "param_space": {"model.width": {"grid_search": [16, -1, 32]}},
        "search": {"max_concurrent": 1, "num_samples": 1},
        "asha": {"grace_period": 1, "max_t": 2},
    }
    workspace.write("space.yaml", space)
    home = {"HOME": str(workspace.root), "WANDB_MODE": "online", "WANDB_API_KEY": ""}
    workspace.search = workspace.run("search", "--space", "space.yaml", expect=4, **home)
    return workspace


def test_refused_draw_fails_one_trial(unlucky):
    ends = {e["trial"]: e for e in unlucky.ledger() if e["event"] in ("finished", "pruned", "failed")}
    assert [ends[trial]["event"] == "failed" for trial in sorted(ends)] == [False, True, False]
    assert "RuntimeError: Trying to create tensor with negative dimension -1" in ends["00001"]["cause"]


def test_trial_without_wandb_warns(unlucky):
    started = [event for event in unlucky.ledger() if event["event"] == "started"]
    assert [event["trial"] for event in started] == ["00000", "00002"]
    assert all("W&B cannot be started" in event["warning"] for event in started)
    assert unlucky.search.stdout.count("W&B cannot be started") == 2
    assert {event["cause"] for event in unlucky.ledger() if event["event"] == "paused"} <= {"rung"}


@pytest.mark.slow
def test_conflicting_draws_fail_one_trial(workspace):
    config = yaml.safe_load((workspace.root / "config.yaml").read_text())
    conformer = {"target": "conformer_ctc", "dim": 20, "num_heads": 4, "num_layers": 1, "ffn_dim": 16, "kernel_size": 5}
    workspace.write("config.yaml", {**config, "model": conformer})
    space = {
        "config": "config.yaml",
        "param_space": {"model.dim": {"grid_search": [20, 24]}, "model.num_heads": {"grid_search": [4, 5]}},
        "search": {"max_concurrent": 1, "num_samples": 1},
        "asha": {"grace_period": 1, "max_t": 1},
    }
    workspace.write("space.yaml", space)
    workspace.run("search", "--space", "space.yaml", expect=4)
    failed = [event for event in workspace.ledger() if event["event"] == "failed"]
    assert len(failed) == 1
    assert "dim is 24, but must be a multiple of num_heads, 5" in failed[0]["cause"]
    assert sum(event["event"] == "finished" for event in workspace.ledger()) == 3


def test_infeasible_subsampling_fails_its_trial(workspace):
    """Also in a process without an earlier trial."""
    for split, num in (("train", 8), ("val", 2)):
        recordings(workspace.root, split, ["abc" * 10] * num)  # 30 characters in 37 output frames, or in 10
    config = yaml.safe_load((workspace.root / "config.yaml").read_text())
    data = {"target": "manifest", "train": "train.jsonl", "val": "val.jsonl"}
    workspace.write("config.yaml", {**config, "data": data})
    space = {
        "config": "config.yaml",
        "param_space": {"model.subsampling": {"grid_search": [8, 2]}},
        "search": {"max_concurrent": 1, "num_samples": 1},
        "asha": {"grace_period": 1, "max_t": 1},
    }
    workspace.write("space.yaml", space)
    run = workspace.run("search", "--space", "space.yaml", expect=4)
    assert "trials with model.subsampling 8 will fail: 8 of 8 training transcripts" in run.stdout
    ends = [event for event in workspace.ledger() if event["event"] in ("failed", "finished")]
    assert [(event["trial"], event["event"]) for event in ends] == [("00000", "failed"), ("00001", "finished")]
    assert ends[0]["cause"].startswith("8 of 8 training utterances")
    assert ends[0]["cause"].endswith("at most 1 % may")


def recordings(root: Path, name: str, texts: list[str]) -> str:
    """Write a manifest of noises."""
    random = np.random.default_rng(0)
    rows = []
    for number, text in enumerate(texts):
        audio = f"{name}-{number}.wav"
        soundfile.write(root / audio, random.uniform(-0.1, 0.1, 12000), 16000)
        rows.append({"audio_filepath": audio, "text": text})
    (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(root / f"{name}.jsonl")


def test_other_validation_data_are_exit_3(workspace):
    train = recordings(workspace.root, "train", ["ab ba", "ba ab"] * 40)
    val = recordings(workspace.root, "val", ["ab", "ba"] * 4)
    model = {"dim": 32, "num_layers": 2}
    data = {"target": "manifest", "train": train, "val": val, "batch_size": 4}
    workspace.write("config.yaml", {"data": data, "model": model, "trainer": {"max_epochs": 40}})
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 1)
    recordings(workspace.root, "val", ["ab", "ba"] * 3 + ["ab ab", "ba"])
    worker = next(event["process"] for event in workspace.ledger() if event["event"] == "started")
    os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
    out, err = process.communicate(timeout=170)
    assert process.returncode == 3, out + err
    assert f"validation data on node {worker.rpartition(':')[0]} do not match the search" in err
    assert [event["status"] for event in workspace.ledger() if event["event"] == "search_ended"] == ["interrupted"]
    assert not any(event["event"] == "failed" for event in workspace.ledger())


@pytest.mark.slow
def test_out_of_memory_costs_one_retry(workspace):
    """No epoch is lost."""
    lines = [line.split() for line in Path("/proc/meminfo").read_text().splitlines()]
    memory = {name: int(number) for name, number, *_ in lines}  # kB
    total, available = memory["MemTotal:"], memory["MemAvailable:"]
    if available < 10 * 2**20:
        pytest.skip("it takes 10 GB of free memory to run out of it in safety")
    for name in ("own.py", "hog.py"):
        shutil.copy(PROGRAMS / name, workspace.root)
    base = yaml.safe_load((workspace.root / "config.yaml").read_text())
    base["trainer"]["max_epochs"] = 60  # the other trial is in its midst when the memory runs out
    workspace.write("config.yaml", {**base, "model": {"target": "hog.Recogniser", "dim": 16}})
    space = {
        "config": "config.yaml",
        "param_space": {"model.dim": {"grid_search": [20, 16]}},
        "search": {"max_concurrent": 2, "num_samples": 1},
        "asha": {"grace_period": 60},
    }
    workspace.write("space.yaml", space)
    threshold = (total - available + 5 * 2**20) / total
    workspace.run("search", "--space", "space.yaml", RAY_memory_usage_threshold=f"{threshold:.3f}")
    # Ray may kill the other one as well: what is killed and what is charged must be the same.
    events = workspace.ledger()
    paused = {event["trial"]: event for event in events if event["event"] == "paused"}
    assert "00000" in paused
    assert all(event["retry"] == 1 and "out of memory" in event["cause"] for event in paused.values())
    resumed = {event["trial"]: event["epoch"] for event in events if event["event"] == "resumed"}
    assert resumed == {trial: event["epoch"] for trial, event in paused.items()}
    assert [event["event"] for event in events].count("finished") == 2
