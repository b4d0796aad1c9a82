"""model.safetensors: the weights of a bundle, written, and loaded again into the module that config.json describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import safetensors.torch
from torch import Tensor

from tune_asr.config.load import from_values
from tune_asr.errors import StorageError
from tune_asr.export.seal import CONFIG, WEIGHTS, verify
from tune_asr.training.data import TrainingData
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.prepare import build_module


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors; those that share memory are written for each name."""
    path.write_bytes(safetensors.torch.save({name: tensor.clone().contiguous() for name, tensor in weights.items()}))


def load(folder: Path) -> SimpleCTCModule:
    """The recogniser of a bundle, in evaluation mode, once every file is verified.

    Raises:
        StorageError: a file is missing, altered, or does not fit the others.
    """
    return build(folder, verify(folder))


def build(folder: Path, facts: Mapping[str, Any]) -> SimpleCTCModule:
    """See `load`; the facts are those of config.json."""
    values = {"model": facts["model"], "features": facts["features"], "text": facts["normaliser"]}
    data = TrainingData(pl.LightningDataModule(), tuple(facts["vocabulary"]), facts["blank_id"])
    module = build_module(from_values(values, str(folder / CONFIG)), data)
    assert isinstance(module, SimpleCTCModule)
    try:
        module.load_state_dict(safetensors.torch.load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise StorageError(f"{folder / WEIGHTS}: the weights are not those of the model: {error}") from error
    return module.eval()
