"""Weights of a bundle, and the LightningModule loaded from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import lightning.pytorch as pl
import safetensors.torch
from pydantic import JsonValue
from torch import Tensor

from tune_asr.config.load import from_values
from tune_asr.errors import Problem, StorageError
from tune_asr.inference.seal import CONFIG, WEIGHTS, Blueprint, verify
from tune_asr.training.data import TrainingData
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.prepare import build_module


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write tensors; shared ones are written once per name."""
    path.write_bytes(safetensors.torch.save({name: tensor.clone().contiguous() for name, tensor in weights.items()}))


def load(folder: Path) -> SimpleCTCModule:
    """Load the recogniser of a verified bundle, in evaluation mode.

    Raises:
        StorageError: a file is missing, altered, or does not fit the others.
    """
    return build(folder, verify(folder).blueprint)


def build(folder: Path, blueprint: Blueprint) -> SimpleCTCModule:
    """Build a module with the weights in a folder.

    Raises:
        StorageError: the weights are those of another module.
    """
    values = {"model": blueprint.model, "features": blueprint.features, "text": blueprint.normaliser}
    data = TrainingData(pl.LightningDataModule(), tuple(blueprint.vocabulary), blueprint.blank_id)
    config = from_values(cast("dict[str, JsonValue]", values), str(folder / CONFIG))
    module = build_module(config, data)
    assert isinstance(module, SimpleCTCModule)
    try:
        module.load_state_dict(safetensors.torch.load_file(folder / WEIGHTS))
    except RuntimeError as error:
        what = f"the weights are not those of the model: {error}"
        raise StorageError(Problem(str(folder / WEIGHTS), what, "Export the bundle again.")) from error
    return module.eval()
