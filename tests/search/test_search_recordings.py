"""Search on recordings, with held-out validation and a bad row."""

import gzip
import json

import numpy as np
import soundfile
import yaml


def test_held_out_and_dropped_rows_are_recorded(workspace):
    (workspace.root / "clips").mkdir()
    rows = [{"path": "clips/gone.wav", "sentence": "ab"}]
    for i in range(24):
        path = f"clips/{i}.wav"
        soundfile.write(workspace.root / path, np.random.default_rng(i).normal(0, 0.1, 8000), 8000)
        rows.append({"path": path, "sentence": f"ab {'abcd'[i % 4]} {'ab' * (i % 5)}"})
    lines = [json.dumps(row) + "\n" for row in rows]
    (workspace.root / "all.jsonl").write_text("".join(lines[:16]))
    (workspace.root / "more.jsonl.gz").write_bytes(gzip.compress("".join(lines[16:]).encode()))
    data = {"target": "manifest", "train": ["all.jsonl", "more.jsonl.gz"], "val": {"hold_out": 0.3}, "skip_bad": True}
    small = {"dim": 16, "num_layers": 1, "kernel_size": 5}
    config = {"data": {**data, "batch_size": 4}, "model": small, "trainer": {"max_epochs": 2}}
    workspace.write("config.yaml", config)
    space = {"config": "config.yaml", "param_space": {"data.max_frames_in_batch": {"choice": [150, 400]}}}
    workspace.write("space.yaml", {**space, "search": {"num_samples": 1, "max_concurrent": 1}})

    out = workspace.run("search", "--space", "space.yaml").stdout
    assert "skipped 1 bad rows" in out and "compare the WER only with WERs on the same rows" in " ".join(out.split())
    root = workspace.root / "results/space"
    (row,) = map(json.loads, (root / "skipped_rows.jsonl").read_text().splitlines())
    assert row["place"].endswith("all.jsonl:1") and "does not exist" in row["reason"]
    for name in ("search.yaml", "best.yaml"):
        values = yaml.safe_load((root / name).read_text())
        assert values.get("config", values)["data"]["train"] == [
            str(workspace.root / file) for file in ("all.jsonl", "more.jsonl.gz")
        ]
        assert values.get("config", values)["data"]["val"] == {"hold_out": 0.3, "by": "text"}
    best = json.loads((root / "summary.json").read_text())["best"]
    again = json.loads(workspace.run("train", "--config", "results/space/best.yaml").stdout.splitlines()[-1])
    assert again["val_loss"] == best["val_loss"]

    # The row that was dropped is mended: the ruler may be another one, so the search does not go on.
    with (root / "trials.jsonl").open() as file:
        kept = [line for line in file if json.loads(line)["event"] in ("search_started", "created", "started")]
    (root / "trials.jsonl").write_text("".join(kept))
    soundfile.write(workspace.root / "clips/gone.wav", np.random.default_rng(99).normal(0, 0.1, 8000), 8000)
    ended = workspace.run("search", "--resume", "results/space", expect=2)
    assert "data_fingerprint: the data have changed: their fingerprint was" in ended.stderr
    assert "accept the change with --accept data_fingerprint." in ended.stderr
