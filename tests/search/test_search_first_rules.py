"""Folder without `text.rules`, as release 0.1.0 left it, with ’ and ʼ in its texts."""

import json

import pytest
import torch
import yaml

from tests.apostrophes import FINGERPRINT_OF_0_1_0, write_recordings

ADDED = ("rules", "score", "language", "tags")
"""Keys of the section `text` that release 0.1.0 had not."""


def stripped(text: dict) -> dict:
    return {key: value for key, value in text.items() if key not in ADDED}


def make_first(root) -> None:
    """Remove what release 0.1.0 did not write."""
    for name in ("search.yaml", "best.yaml"):
        values = yaml.safe_load((root / name).read_text())
        config = values.get("config", values)
        config["text"] = stripped(config["text"])
        (root / name).write_text(yaml.safe_dump(values, sort_keys=False))
    events = [json.loads(line) for line in (root / "trials.jsonl").read_text().splitlines()]
    for event in events:
        event.pop("search_yaml", None)
    (root / "trials.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.mark.slow
def test_folder_of_0_1_0_with_apostrophes_goes_on(workspace):
    """Resumed, trained again, reported and exported by rules 1, on the data that it began with."""
    write_recordings(workspace.root)
    data = {"target": "manifest", "train": "train.jsonl", "val": "val.jsonl", "test": "val.jsonl", "batch_size": 4}
    small = {"dim": 16, "num_layers": 1, "kernel_size": 5}
    base = {"data": data, "features": {"num_mel_bins": 20}, "model": small, "trainer": {"max_epochs": 2}}
    workspace.write("config.yaml", {**base, "text": {"rules": 1}})
    space = {"config": "config.yaml", "param_space": {"optimizer.lr": {"loguniform": [1.0e-3, 3.0e-2]}}}
    workspace.write("space.yaml", {**space, "search": {"num_samples": 1, "max_concurrent": 1}})
    workspace.run("search", "--space", "space.yaml")
    root = workspace.root / "results" / "space"
    assert yaml.safe_load((root / "search.yaml").read_text())["data_fingerprint"] == FINGERPRINT_OF_0_1_0
    make_first(root)
    best = json.loads((root / "summary.json").read_text())["best"]

    again = workspace.run("train", "--config", "results/space/best.yaml", "--set", "logging.tensorboard=false")
    assert json.loads(again.stdout.splitlines()[-1])["val_loss"] == best["val_loss"]
    assert "1 trial" in workspace.run("report", "results/space").stdout
    workspace.run("search", "--resume", "results/space", "--num-samples", "2")
    assert "00001" in {event["trial"] for event in workspace.ledger() if event["event"] == "report"}
    assert yaml.safe_load((root / "best.yaml").read_text())["text"]["rules"] == 1

    single = torch.load(root / "best.ckpt", weights_only=True)
    single["origin"]["config"]["text"] = stripped(single["origin"]["config"]["text"])
    torch.save(single, workspace.root / "single.ckpt")
    for source, bundle in (("results/space", "bundle"), ("single.ckpt", "other")):
        workspace.run("export", source, "--output", bundle)
        made = json.loads((workspace.root / bundle / "config.json").read_text())
        assert made["data_fingerprint"] == FINGERPRINT_OF_0_1_0
        assert made["normaliser"]["rules"] == 1
        assert "\u0e4d" in made["vocabulary"] and "\u0e33" not in made["vocabulary"]
