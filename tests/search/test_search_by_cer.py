"""Search on Chinese sentences, whose punctuation leaves spaces between clauses."""

import json

import numpy as np
import soundfile
import yaml

SENTENCES = ["今天天气很好，我们去公园。", "你吃饭了吗？还没有！", "我喝茶，他喝咖啡。", "明天见，好的。"]


def test_chinese_is_ranked_by_cer_everywhere(workspace):
    rng = np.random.default_rng(1)
    for split, number in (("train", 12), ("val", 4), ("test", 2)):
        rows = []
        for i in range(number):
            soundfile.write(workspace.root / f"{split}{i}.wav", rng.normal(0, 0.1, 16000), 8000)
            rows.append(json.dumps({"audio_filepath": f"{split}{i}.wav", "text": SENTENCES[i % 4]}))
        (workspace.root / f"{split}.jsonl").write_text("\n".join(rows))
    data = {"target": "manifest", **{split: f"{split}.jsonl" for split in ("train", "val", "test")}, "batch_size": 4}
    small = {"dim": 16, "num_layers": 1, "kernel_size": 5}
    base = {"data": data, "features": {"num_mel_bins": 20}, "model": small, "trainer": {"max_epochs": 2}}
    workspace.write("config.yaml", base)
    space = {"config": "config.yaml", "param_space": {"optimizer.lr": {"loguniform": [1.0e-3, 3.0e-2]}}}
    workspace.write("space.yaml", {**space, "search": {"num_samples": 2, "max_concurrent": 1}})

    out = workspace.run("search", "--space", "space.yaml").stdout
    assert "its script separates no words, so CER takes the place of WER" in " ".join(out.split())
    root = workspace.root / "results" / "space"
    search = yaml.safe_load((root / "search.yaml").read_text())
    assert search["metric"] == "val_cer"
    assert {key: search["config"]["text"][key] for key in ("score", "rules")} == {"score": "cer", "rules": 2}
    assert yaml.safe_load((root / "best.yaml").read_text())["text"]["score"] == "cer"
    reports = [event for event in workspace.ledger() if event["event"] == "report"]
    summary = json.loads((root / "summary.json").read_text())
    assert summary["metric"] == "val_cer"
    assert summary["best"]["val_cer"] == min(event["val_cer"] for event in reports)
    assert "CER" in workspace.run("report", "results/space").stdout

    workspace.run("export", "results/space", "--output", "bundle")
    made = json.loads((workspace.root / "bundle" / "config.json").read_text())
    assert {made["results"][name]["interval"]["of"] for name in ("validation", "test")} == {"cer"}
    assert made["training"]["text"]["score"] == "cer"
