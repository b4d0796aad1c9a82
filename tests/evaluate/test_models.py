"""Checkpoint, results folder and bundle: what each measured in its training."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tune_asr.config.load import from_values
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.state import SearchState
from tune_asr.training.checkpoints import history, load_checkpoint
from tune_asr.training.fit import fit

ASSETS = Path(__file__).parents[1] / "assets"
COUNTS = ("words", "substitutions", "deletions", "insertions")
WITHOUT_TORCH = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchaudio", "lightning"):
            raise ImportError(f"{name} is not for bundles")
sys.meta_path.insert(0, Refused())
from tune_asr.evaluate.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def results(searched):
    return searched.root / "results" / "space"


def best_report(root, number=None):
    """Report of the best epoch of a trial, by default of the best one."""
    best = json.loads((root / "summary.json").read_text())["best"]
    trial = SearchState.read(ResultsFolder(root).ledger).trials[number or best["trial"]]
    if number is None:
        return trial.reports[best["epoch"] - 1]
    return min(trial.reports, key=lambda report: report.scores.order("val_wer"))


def summed(found):
    return {name: sum(row[name] for row in found) for name in COUNTS}


def test_best_trial_equals_ledger(evaluate, results, speech, rows):
    """On the search's own validation manifest, count by count."""
    report = best_report(results)
    scores = evaluate(results, speech / "val.jsonl", "--output", "it.jsonl").scores
    assert list(scores) == ["utterances", "words", "wer", "wer_low", "wer_high", "cer", "cer_low", "cer_high"]
    assert (scores["wer"], scores["cer"]) == (report.scores.val_wer, report.scores.val_cer)
    assert scores["wer_low"] <= scores["wer"] <= scores["wer_high"]
    found = rows("it.jsonl")
    assert [row["id"] for row in found] == [json.loads(line)["id"] for line in (speech / "val.jsonl").open()]
    assert summed(found) == {name: getattr(report.counts, name) for name in COUNTS}


def test_other_trial_equals_ledger(evaluate, results, speech):
    best = json.loads((results / "summary.json").read_text())["best"]["trial"]
    other = "00001" if best == "00000" else "00000"
    ended = evaluate(results, speech / "val.jsonl", "--trial", int(other))
    assert ended.scores["wer"] == best_report(results, other).scores.val_wer
    assert f"Trial {other} of the search space" in ended.err


def test_kinds_of_models_agree(evaluate, results, bundle, speech, rows):
    found = []
    for model in (results, results / "best.ckpt", bundle):
        evaluate(model, speech / "train.jsonl", "--output", "it.jsonl")
        found.append(rows("it.jsonl"))
    assert found[0] == found[1] == found[2]


def test_bundle_needs_no_torch(bundle, speech, tmp_path, evaluate):
    """The same line as in this process, with torch and Lightning refused."""
    copy = shutil.copytree(bundle, tmp_path / "copy")
    command = [sys.executable, "-c", WITHOUT_TORCH, bundle, speech / "val.jsonl", "--compare", copy]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == evaluate(bundle, speech / "val.jsonl").scores


KINDS = {
    "word pieces": {"text": {"unit": "bpe", "vocab_size": 12}, "trainer": {"max_epochs": 20}},
    "moving average": {"checkpoint": {"weights": "ema"}, "optimizer": {"lr": 0.01, "ema_decay": 0.9}},
    "recurrent": {"model": {"target": "bigru_ctc", "dim": 24, "num_layers": 1}},
    "half precision": {"precision": {"precision": "bf16-mixed"}},
    "frames in a batch": {"data": {"max_frames_in_batch": 150}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoint_equals_validation(kind, evaluate, config, speech, tmp_path):
    """Error rates of its last epoch, to the last digit."""
    values = {**config, "trainer": {"max_epochs": 4}}
    values |= {name: {**config.get(name, {}), **keys} for name, keys in KINDS[kind].items() if name != "model"}
    values |= {"model": KINDS[kind].get("model", config["model"])}
    fit(from_values(values, kind), lambda _result, last, save: last and save(tmp_path / "it.ckpt"))
    scores = history(load_checkpoint(tmp_path / "it.ckpt"))[-1].scores
    found = evaluate("it.ckpt", speech / "val.jsonl").scores
    assert (found["wer"], found["cer"]) == (scores.val_wer, scores.val_cer)


def test_average_equals_validation(evaluate, config, speech, tmp_path, monkeypatch, capsys):
    from tune_asr.train.__main__ import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    settings = ("checkpoint.average_top_k=3", "logging.tensorboard=false", "trainer.max_epochs=5")
    assert main(["--config", "config.yaml", *(flag for value in settings for flag in ("--set", value))]) == 0
    best = json.loads(capsys.readouterr().out.splitlines()[-1])
    found = evaluate(best["checkpoint"], speech / "val.jsonl").scores
    assert (found["wer"], found["cer"]) == (best["val_wer"], best["val_cer"])


def test_custom_module_is_evaluated(evaluate, documented, tmp_path, monkeypatch, capsys, speech):
    """The module that configs/README.md shows, from the working directory."""
    from tune_asr.train.__main__ import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evaluated_module.py").write_text(CUSTOM)
    data = {name: str(speech / f"{name}.jsonl") for name in ("train", "val")}
    values = {
        "data": {"target": "manifest", "batch_size": 4, **data},
        "model": {"target": "evaluated_module.Recogniser", "width": 16},
        "trainer": {"max_epochs": 2},
        "logging": {"tensorboard": False},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(values))
    assert main(["--config", "config.yaml"]) == 0
    best = json.loads(capsys.readouterr().out.splitlines()[-1])
    found = evaluate(best["checkpoint"], speech / "val.jsonl").scores
    assert (found["wer"], found["cer"]) == (best["val_wer"], best["val_cer"])
    (tmp_path / "evaluated_module.py").unlink()
    del sys.modules["evaluated_module"]
    refused = evaluate(best["checkpoint"], speech / "val.jsonl", expect=2).err
    assert "evaluated_module cannot be imported" in refused


CUSTOM = """
import torch
from tune_asr.training.ctc_module import CTCModule

class Recogniser(CTCModule):
    def __init__(self, vocab, scheduler, blank_id=0, width=8):
        super().__init__(vocab, scheduler, blank_id)
        self.net = torch.nn.Sequential(torch.nn.Linear(40, width), torch.nn.ReLU(), torch.nn.Linear(width, len(vocab)))

    def forward(self, features, feature_lengths):
        return self.net(features).log_softmax(-1), feature_lengths

    def configure_optimizers(self):
        return self.scheduled(torch.optim.AdamW(self.parameters(), lr=1e-2))
"""


@pytest.mark.parametrize("asset", ["results-0.1.0", "bundle-0.1.0", "checkpoint-0.1.0.ckpt"])
def test_models_of_0_1_0(asset, evaluate, manifest, tmp_path):
    """On its validation data; another processor may give other last bits."""
    from tune_asr.corpus.sources import survey

    data = {"num_train": 96, "num_val": 16, "max_words": 2, "alphabet": "abcd", "num_words": 40, "batch_size": 4}
    corpus = survey(from_values({"data": data}, "assets")).corpus
    path = manifest(tmp_path / "speech", "val", corpus.val)
    if (ASSETS / asset).is_dir():
        shutil.copytree(ASSETS / asset, tmp_path / asset)
    else:
        shutil.copy(ASSETS / asset, tmp_path / asset)
    recorded = 2 / 32
    if asset.endswith("ckpt"):
        recorded = history(load_checkpoint(ASSETS / asset))[-1].scores.val_wer
    assert evaluate(asset, path).scores["wer"] == pytest.approx(recorded, abs=1e-4)


def test_references_follow_rules_of_first_model(evaluate, bundle, speech, tmp_path, rows):
    """A left quotation mark inside a word parts it by the rules of release 0.1.0."""
    row = {"audio_filepath": str(speech / "val" / "val-00000.wav"), "text": "ab\u2018cd"}
    (tmp_path / "it.jsonl").write_text(json.dumps(row))
    old = ASSETS / "bundle-0.1.0"
    found = []
    for first, second in ((bundle, old), (old, bundle)):
        evaluate(first, "it.jsonl", "--compare", second, "--output", "out.jsonl")
        (written,) = rows("out.jsonl")
        found.append((written["reference"], written["words"], written["compared"]["words"]))
    assert found == [("ab'cd", 1, 1), ("ab cd", 2, 2)]
