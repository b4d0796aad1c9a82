"""Search over word pieces, the same ones in every process."""

import json

import torch
import yaml

TEXT = {"unit": "bpe", "vocab_size": 24}


def test_word_pieces_are_searched_and_exported(workspace):
    config = yaml.safe_load((workspace.root / "config.yaml").read_text())
    config |= {"text": TEXT, "trainer": {"max_epochs": 2}, "optimizer": {"lr": 0.01}}
    workspace.write("config.yaml", config)
    space = {"config": "config.yaml", "param_space": {"model.dropout": {"grid_search": [0.1]}}}
    workspace.write("space.yaml", {**space, "search": {"num_samples": 1, "max_concurrent": 1}})

    workspace.run("search", "--space", "space.yaml")
    root = workspace.root / "results/space"
    summary = json.loads((root / "summary.json").read_text())
    assert summary["status"] == "finished"
    kept = [torch.load(path, weights_only=True) for path in root.glob("checkpoints/*/*/*.ckpt")]
    vocabularies = {tuple(checkpoint["hyper_parameters"]["vocab"]) for checkpoint in kept}
    (vocabulary,) = vocabularies
    assert len(vocabulary) == TEXT["vocab_size"] and any(len(symbol) > 2 for symbol in vocabulary[1:])

    best = summary["best"]
    again = json.loads(workspace.run("train", "--config", "results/space/best.yaml").stdout.splitlines()[-1])
    assert [again[name] for name in ("val_wer", "val_cer")] == [best["val_wer"], best["val_cer"]]
    rows = map(json.loads, (root / f"utterances/{best['trial']}.jsonl").read_text().splitlines())
    assert all(row["hypothesis"] == row["hypothesis"].strip() for row in rows)

    said = workspace.run("export", "results/space").stdout
    assert "The record: the same error counts" in said and "16 of 16 the same" in said
    lines = (root / "bundle/tokens.txt").read_text().splitlines()
    tokens = [line.rsplit(" ", 1) for line in lines]
    assert [(token.replace("\u2581", " "), int(number)) for token, number in tokens] == [
        (symbol, i) for i, symbol in enumerate(vocabulary)
    ]
    assert json.loads((root / "bundle/config.json").read_text())["vocabulary"] == list(vocabulary)
    workspace.run("export", "--verify", "results/space/bundle")
