"""Order of the callbacks and their states in checkpoints, those of release 0.1.0 too."""

import re
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from rich.progress import Progress

from tune_asr.config.load import load_config
from tune_asr.config.overrides import parse_assignments
from tune_asr.errors import ConfigError
from tune_asr.training import callbacks
from tune_asr.training.callbacks.bar import EpochBar
from tune_asr.training.callbacks.build import build
from tune_asr.training.callbacks.epoch_report import EpochReport
from tune_asr.training.callbacks.samples import Samples
from tune_asr.training.callbacks.signs_of_life import SignsOfLife
from tune_asr.training.checkpoints import history, load_checkpoint
from tune_asr.training.data import load_data
from tune_asr.training.fit import fit

ASSETS = Path(__file__).parents[1] / "assets"
OLD = ASSETS / "checkpoint-0.1.0.ckpt"


def documented():
    """Read the docstring's table: names of callbacks by hook."""
    table = re.search(r"in this order\..*?\n\n(.*?)\n\n", callbacks.__doc__, re.DOTALL)
    return {line.split()[0]: line.replace(",", "").split()[1:] for line in table[1].splitlines()}


def test_table_of_hooks_is_true(quick):
    """The docstring has each hook with its callbacks in order."""
    config = quick(checkpoint__weights="ema", precision={"float32_matmul": "medium"}, trainer__cuda_graphs="auto")
    report = EpochReport(lambda *_: None, seed=1, metric="val_wer", stopping=config.early_stopping)
    built = build(
        config, load_data(config), report, [SignsOfLife(print), EpochBar(Progress()), Samples()], logs_rates=True
    )
    hooks = [name for name in vars(pl.Callback) if name.startswith("on_") or name in ("setup", "teardown")]
    expected = {}
    for hook in (*hooks, "state_dict", "load_state_dict"):
        owners = [type(c).__name__ for c in built if getattr(type(c), hook) is not getattr(pl.Callback, hook)]
        if owners:
            expected[hook] = owners
    assert documented() == expected


def resumed(tmp_path, *assignments):
    config = load_config(ASSETS / "train-0.1.0.yaml", parse_assignments(assignments))
    epochs = fit(config, lambda _result, _last, save: save(tmp_path / "new.ckpt"), resume_from=OLD)
    return epochs, torch.load(tmp_path / "new.ckpt", weights_only=True)


def test_checkpoint_of_0_1_0_resumes(tmp_path):
    """Its epochs come first, and the next checkpoint has the keys of today alone."""
    before = torch.load(OLD, weights_only=True)["callbacks"]["EpochReport"]["history"]
    epochs, content = resumed(tmp_path)
    assert [epoch.entry for epoch in history(load_checkpoint(OLD))] == before
    assert history(load_checkpoint(OLD)) == epochs[:3]
    assert len(epochs) == 6
    assert content["callbacks"].keys() == {"tune_asr.epochs", "tune_asr.batches"}
    assert history(content) == epochs


def test_batches_of_0_1_0_are_compared(tmp_path):
    """Release 0.1.0 kept their number in Lightning's own state alone."""
    with pytest.raises(ConfigError, match="an epoch had 24 batches there and has 12 here"):
        resumed(tmp_path, "data.batch_size=8")


def test_average_of_0_1_0_resumes(tmp_path, quick, same):
    """The state of the average is found under its old key.

    Without it the last step would be averaged twice.
    """
    config, paths = quick(checkpoint__weights="ema", trainer__max_epochs=3), {}

    def sink(result, _last, save):
        paths[result.epoch] = tmp_path / f"{result.epoch}.ckpt"
        save(paths[result.epoch])

    fit(config, sink)
    whole, old = load_checkpoint(paths[3]), torch.load(paths[1], weights_only=True)
    states = old["callbacks"]
    old["callbacks"] = {"EpochReport": states["tune_asr.epochs"], "WarmingAverage": states["tune_asr.ema"]}
    torch.save(old, tmp_path / "old.ckpt")
    fit(config, sink, resume_from=tmp_path / "old.ckpt")
    again = load_checkpoint(paths[3])
    for part in ("state_dict", "current_model_state", "averaging_state", "callbacks"):
        assert same(again[part], whole[part]), part
