"""Number of parameters without a training."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tune_asr.training.data import load_data
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.prepare import build_module
from tune_asr.training.size import num_parameters


@pytest.mark.parametrize("target", ENCODERS)
@pytest.mark.parametrize("dim", [16, 32])
def test_size_is_that_of_the_training(quick, target, dim):
    config = quick(model={"target": target, "dim": dim, "num_layers": 2})
    data = load_data(config)
    expected = sum(parameter.numel() for parameter in build_module(config, data).parameters())
    assert num_parameters(config, data.vocab) == expected


def test_settings_that_cannot_be_built_have_none(tmp_path):
    """A custom class is built as a training builds it, with the symbols of its own data."""
    (tmp_path / "mine.py").write_text(
        "import lightning.pytorch as pl, torch\n"
        "class Data(pl.LightningDataModule):\n"
        "    vocab = ['<blk>', 'a', 'b']\n"
        "class Net(pl.LightningModule):\n"
        "    def __init__(self, vocab, scheduler, blank_id, width):\n"
        "        super().__init__()\n"
        "        self.layer = torch.nn.Linear(width, len(vocab), bias=False)\n"
    )
    configs = [
        {"data": {"target": "mine.Data"}, "model": {"target": "mine.Net", "width": 7}},
        {"data": {"target": "mine.Data"}, "model": {"target": "mine.Net", "depth": 7}},
        {"data": {"target": "no.Such"}, "model": {"target": "mine.Net", "width": 2}},
    ]
    request = json.dumps({"configs": configs, "vocab": None})
    command = [sys.executable, "-m", "tune_asr.training.size"]
    run = subprocess.run(command, input=request, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(run.stdout) == [21, None, None]
