"""Door `export`: searches and checkpoints, and everything it refuses."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tune_asr.errors import StorageError
from tune_asr.record.folder import ResultsFolder

PROGRAMS = Path(__file__).parents[1] / "programs"
FILES = {"model.onnx", "tokens.txt", "model.safetensors", "config.json", "README.md"}
pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.fixture
def export(tmp_path, monkeypatch, capsys):
    """Run the door in this process; returns stdout or stderr."""
    from tune_asr.export.__main__ import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments, expect=0):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert code == expect, f"exit {code}\n{out}\n{err}"
        assert not list(tmp_path.rglob(".tmp-*"))
        return out if code == 0 else err

    return run


@pytest.fixture(scope="module")
def bundle(finished, tmp_path_factory):
    """Export the winner of a search."""
    from tune_asr.export.__main__ import main

    output = tmp_path_factory.mktemp("export") / "bundle"
    with redirect_stdout(io.StringIO()) as out:
        assert main([str(finished.root / "results/space"), "--output", str(output)]) == 0
    finished.exported = out.getvalue()
    return output


@pytest.fixture
def results(finished, tmp_path):
    """Copy the folder of the search, to be damaged."""
    return shutil.copytree(finished.root / "results" / "space", tmp_path / "space")


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy")


def best_report(finished):
    best = json.loads((finished.root / "results/space/summary.json").read_text())["best"]
    return next(
        event
        for event in finished.ledger()
        if event["event"] == "report" and (event["trial"], event["epoch"]) == (best["trial"], best["epoch"])
    )


def test_bundle_reproduces_ledger(bundle, finished):
    assert {path.name for path in bundle.iterdir()} == FILES
    config, report = json.loads((bundle / "config.json").read_text()), best_report(finished)
    assert config["source"] == f"Trial {report['trial']} of the search space, epoch {report['epoch']}"
    found = config["results"]["validation"]
    for name in ("words", "substitutions", "deletions", "insertions"):
        assert found[name] == report[name]
    assert (found["wer"], found["cer"]) == (report["val_wer"], report["val_cer"])
    with (finished.root / "results/space/leaderboard.csv").open() as file:
        first = next(csv.DictReader(file))
    assert found["interval"]["low"] == pytest.approx(float(first["val_wer_low"]), abs=0.05)
    assert (config["features"]["sample_rate"], config["features"]["num_mel_bins"]) == (8000, 40)
    assert config["vocabulary"] == ["<blk>", " ", "a", "b", "c", "d"]
    assert set(config["hashes"]) == FILES - {"config.json"}


def test_card_reports_agreement(bundle, finished):
    card = (bundle / "README.md").read_text()
    for program in ("PyTorch, one by one", "onnxruntime, batched", "onnxruntime, one by one", r"sherpa-onnx [\d.]+"):
        assert re.search(rf"^- {program}: 16 of 16 the same\.$", card, re.M), card
        assert re.search(rf"^{program}: 16 of 16 the same\.$", finished.exported, re.M), finished.exported
    assert str(finished.root) not in card + (bundle / "config.json").read_text()


def test_example_of_card_runs(bundle, finished, copy):
    from tune_asr.config.load import load_config
    from tune_asr.corpus.sources import survey
    from tune_asr.export import weights
    from tune_asr.training.ctc import greedy_decode
    from tune_asr.training.features.log_mel import log_mel

    example = re.search(r"```python\n(.*?)```", (copy / "README.md").read_text(), re.S)[1]
    assert len(example.splitlines()) == 6
    samples, rate = survey(load_config(finished.root / "config.yaml")).corpus.val[0].audio.samples()
    soundfile.write(copy / "speech.wav", samples, rate)
    said = subprocess.run([sys.executable, "-c", example], cwd=copy, capture_output=True, text=True, check=True).stdout

    module = weights.load(bundle)
    features = log_mel(samples, rate, sample_rate=8000, num_mel_bins=40).unsqueeze(0)
    with torch.inference_mode():
        ids = greedy_decode(*module(features, torch.tensor([features.shape[1]])))[0]
    assert said.split() == "".join(module.vocab[i] for i in ids).split()


def test_verify_needs_no_torch(bundle):
    command = [sys.executable, PROGRAMS / "loaded.py", "torch", "export", "--verify", bundle]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = run.stdout.splitlines()
    assert line.endswith("are what was exported")
    assert run.stderr == "False\n"


@pytest.mark.parametrize("name", sorted(FILES))
def test_verify_names_missing_or_altered_file(copy, export, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    said = export("--verify", copy, expect=5)
    assert name in said and "altered" in said
    (copy / name).unlink()
    assert f"{name} is missing" in export("--verify", copy, expect=5)


def test_altered_bundle_is_not_loaded(copy):
    from tune_asr.export import weights

    (copy / "model.safetensors").write_bytes(b"")
    with pytest.raises(StorageError, match=r"model\.safetensors was altered"):
        weights.load(copy)


def test_existing_folder_is_refused(results, export, tmp_path):
    (tmp_path / "taken").mkdir()
    assert "the folder exists already, and is never overwritten" in export(results, "--output", "taken", expect=5)
    (results / "bundle").mkdir()
    assert f"{results}/bundle" in export(results, expect=5)


@pytest.mark.parametrize("number", ["7", "", "0x", "-1", "²", "../0"])
def test_unknown_trial_is_refused(finished, export, number):
    said = export(finished.root / "results/space", "--trial", number, expect=2)
    assert "must be the number of a trial, and the search has 00000 to 00004" in said


def test_sigterm_leaves_no_folder(results, tmp_path, monkeypatch):
    from tune_asr.export.__main__ import main

    class Ending(io.StringIO):
        def write(self, text):
            if "on record" in text:
                assert len(list(results.glob(".tmp-*"))) == 1
                os.kill(os.getpid(), signal.SIGTERM)
            return len(text)

    (results / f".tmp-{0:032x}").mkdir()  # of a killed export
    monkeypatch.setattr(sys, "stdout", Ending())
    with pytest.raises(SystemExit) as end:
        main([str(results)])
    assert end.value.code == 128 + signal.SIGTERM
    assert not list(results.glob(".tmp-*"))
    assert not (results / "bundle").exists()


def test_running_search_is_refused(results, export):
    with ResultsFolder(results).lock():
        assert "a search is running here" in export(results, expect=5)


def test_nothing_to_export_without_epoch(results, export):
    lines = (results / "trials.jsonl").read_text().splitlines(keepends=True)
    first = [line for line in lines if json.loads(line)["event"] in ("search_started", "created")]
    (results / "trials.jsonl").write_text("".join(first))
    assert "no trial has an epoch with an intact checkpoint" in export(results, expect=5)
    assert "trial 00001 is pending and has no epoch" in export(results, "--trial", "1", expect=5)


def test_other_folders_are_refused(export, tmp_path, copy):
    for folder in (tmp_path / "nowhere", copy):
        err = export(folder, expect=5)
        assert str(folder) in err
    assert "this is a bundle already" in err


def test_too_long_name_is_no_file(export):
    name = "n" * 300
    assert f"{name}: there is no such results folder" in export(name, expect=5)
    assert f"{name}: there is no such folder" in export("--verify", name, expect=5)


def test_damaged_checkpoints_are_named(results, export):
    (results / "best.ckpt").unlink()
    for checkpoint in results.glob("checkpoints/*/*/checkpoint.ckpt"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1] + b"?")
    said = export(results, expect=5)
    assert "no trial has an epoch with an intact checkpoint" in said
    assert said.count("checkpoint.ckpt does not match its SHA-256") == len(list(results.glob("checkpoints/*/*")))


@pytest.mark.parametrize("has_copy", [True, False])
def test_copy_or_next_replaces_damaged_best(results, export, finished, has_copy):
    best = results / best_report(finished)["checkpoint"]
    best.write_bytes(best.read_bytes()[:-1] + b"?")
    if not has_copy:
        (results / "best.ckpt").unlink()
    said = export(results)
    reason = (
        "is exported: it is a copy of a checkpoint that cannot be used"
        if has_copy
        else "^passed over, since it cannot be used"
    )
    assert re.search(rf"{reason}: {best.parent}: checkpoint\.ckpt does not match", said, re.M)
    source = json.loads((results / "bundle" / "config.json").read_text())["source"]
    winner = f"Trial {best_report(finished)['trial']} of the search space, epoch {best_report(finished)['epoch']}"
    assert (source == winner) == has_copy


def test_changed_data_are_refused(results, export):
    text = (results / "search.yaml").read_text()
    (results / "search.yaml").write_text(re.sub(r"data_fingerprint: \w+", "data_fingerprint: abc", text))
    assert "the data have changed" in export(results, expect=3)


class Harm:
    def __reduce__(self):
        return open, ("harm", "w")


def test_checkpoint_is_not_unpickled(export, tmp_path):
    torch.save({"state_dict": Harm()}, tmp_path / "harm.ckpt")
    assert "nothing else is ever loaded" in export("harm.ckpt", expect=5)
    assert not (tmp_path / "harm").exists()


def test_file_without_training_is_refused(export, tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "bare.ckpt")
    assert "has no record of its training" in export("bare.ckpt", expect=5)
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    assert "not a checkpoint, or damaged" in export("text.ckpt", expect=5)
    assert "chooses a trial of a search" in export("bare.ckpt", "--trial", "0", expect=2)


def test_missing_onnx_is_explained(export, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    said = export(tmp_path, expect=2)
    assert said == "error: export needs onnx, not installed here\n    Run pip install -e '.[export]'.\n"


def test_several_rates_and_test_manifest(train, export, tmp_path):
    """Export a checkpoint of recordings into the default folder."""
    rates = {"train": (8000,) * 8, "val": (8000, 44_100, 8000, 16_000), "test": (8000, 8000, 22_050)}
    for split, split_rates in rates.items():
        rows = []
        for i, rate in enumerate(split_rates):
            random = np.random.default_rng([len(rows), rate, len(split)])
            soundfile.write(tmp_path / f"{split}{i}.wav", random.normal(0, 0.1, rate + 1000 * i), rate)
            rows.append(json.dumps({"audio_filepath": f"{split}{i}.wav", "text": "ab ba" if i % 2 else "ba"}))
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows) + "\n")
    with (tmp_path / "test.jsonl").open("a") as file:
        file.write('{"audio_filepath": "val0.wav", "text": "ba"}\n')
        file.write('{"audio_filepath": "gone.wav", "text": "ab"}\n')
    data = {"target": "manifest", **{split: f"{split}.jsonl" for split in rates}, "batch_size": 4}
    data |= {"skip_bad": True, "max_bad_fraction": 0.2}
    train.write(data=data, model={"target": "bigru_ctc", "dim": 8}, trainer={"max_epochs": 2})
    assert "test: utterances 4, words 5" in train("--dry-run").out
    checkpoint = train().best["checkpoint"]
    out = export(checkpoint)
    folder = tmp_path / checkpoint.replace(".ckpt", "-bundle")
    assert {path.name for path in folder.iterdir()} == FILES
    assert re.search(r"sherpa-onnx [\d.]+: 4 of 4 the same", out)
    assert re.search(r"sherpa-onnx [\d.]+, other rates, resampled by itself: \d of 2", out)
    card, config = (folder / "README.md").read_text(), json.loads((folder / "config.json").read_text())
    assert re.search(r"^\| test \| 4 \| 5 \|", card, re.M)
    assert config["results"]["test"]["words"] == 5
    assert "1 of the 4 test recordings occur, whole or in part, in the training or validation data too" in card
    assert "Bad rows of its manifest that were left out (`data.skip_bad`): 1." in card
    assert str(tmp_path) not in card + (folder / "config.json").read_text()

    (tmp_path / "test.jsonl").write_text('{"audio_filepath": "gone.wav", "text": "ab"}\n')
    assert "test.jsonl:1: " in export(checkpoint, "--output", "again", expect=3)


def test_custom_classes_export(train, custom, export):
    name = custom("custom_export.py")
    train.write(data={"target": f"{name}.Data"}, model={"target": f"{name}.Mine", "dim": 12}, trainer={"max_epochs": 1})
    out = export(train().best["checkpoint"], "--output", "mine")
    assert "onnxruntime, batched: 6 of 6 the same." in out
    assert re.search(r"sherpa-onnx [\d.]+: loads the model\. No texts were compared", out)
    assert (train.root / "mine" / "tokens.txt").read_text() == "a 0\nb 1\n▁ 2\n<blk> 3\n"


def test_other_module_is_refused(train, custom, export):
    name = custom("custom_export.py")
    train.write(data={"target": f"{name}.Data"}, model={"target": f"{name}.Other"}, trainer={"max_epochs": 1})
    assert f"{name}.Other is not derived from SimpleCTCModule" in export(train().best["checkpoint"], expect=2)
