"""Bundles of trained recognisers, one per encoder, made once."""

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest

from tune_asr.config.load import from_values
from tune_asr.export.build import export
from tune_asr.export.recorded import read_recorded
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.fit import fit

DATA = {
    "num_train": 48,
    "num_val": 8,
    "max_words": 2,
    "alphabet": "abcd",
    "num_words": 10,
    "noise": 0.0,
    "batch_size": 4,
}
EMA = {"checkpoint": {"weights": "ema"}, "optimizer": {"lr": 0.01, "ema_decay": 0.9}}
OWN_KEYS = {
    "conv_ctc": {"num_layers": 2, "kernel_size": 5},
    "conformer_ctc": {"num_heads": 2, "ffn_dim": 32},
}
"""Keys that make an encoder small, beyond `dim` and `num_layers`."""


def small(name):
    return {"target": name, "dim": 24, "num_layers": 1, **OWN_KEYS.get(name, {})}


RECOGNISERS = {
    **{name: {"model": small(name)} for name in ENCODERS},
    "conv_ctc, word pieces": {
        "model": small("conv_ctc"),
        "text": {"unit": "bpe", "vocab_size": 12},
        "trainer": {"max_epochs": 20},
    },
    "bigru_ctc, averaged": {"model": small("bigru_ctc"), **EMA},
}


@dataclass
class Made:
    """Bundle, its checkpoint, and the lines printed by the export."""

    name: str
    checkpoint: Path
    folder: Path
    said: list[str]


def trained(folder, **sections):
    """Train for two seconds; returns the last checkpoint."""
    values = {"data": DATA, "optimizer": {"lr": 0.01}, "trainer": {"max_epochs": 8}, **sections}
    fit(from_values(values, "tiny"), lambda _result, last, save: last and save(folder / "it.ckpt"))
    return folder / "it.ckpt"


@pytest.fixture(scope="session")
def make(tmp_path_factory):
    """Make the bundle of one of `RECOGNISERS`, once."""

    @functools.cache
    def made(name):
        root = tmp_path_factory.mktemp("recogniser")
        checkpoint, said = trained(root, **RECOGNISERS[name]), []
        export(read_recorded(checkpoint, name=name), root / "bundle", say=said.append)
        return Made(name, checkpoint, root / "bundle", said)

    return made


@pytest.fixture(params=RECOGNISERS)
def made(request, make):
    return make(request.param)
