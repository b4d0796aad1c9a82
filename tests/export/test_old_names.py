"""Names in the model cards of release 0.1.0."""

import importlib
import re
from pathlib import Path

import torch

from tune_asr.export import weights

BUNDLE = Path(__file__).parents[1] / "assets" / "bundle-0.1.0"


def test_old_card_names_working_function():
    module, name = re.search(r"In PyTorch: `([\w.]+)\.(\w+)\(folder\)`", (BUNDLE / "README.md").read_text()).groups()
    assert module == "tune_asr.bundle.weights"
    old = getattr(importlib.import_module(module), name)(BUNDLE).state_dict()
    assert all(torch.equal(value, old[key]) for key, value in weights.load(BUNDLE).state_dict().items())
