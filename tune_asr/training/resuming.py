"""Whether a checkpoint can be resumed: with this configuration, on these data, in as many batches an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from tune_asr.config.keys import facts, known_keys
from tune_asr.config.scalars import shown
from tune_asr.errors import ConfigError, DataError, StorageError
from tune_asr.training.checkpoints import RAW_WEIGHTS, hyper_parameters, load_checkpoint
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.optimizer import adamw

REFERENCE = "optimizer.lr_reference_batch"
SCALED = "optimizer.lr, scaled by optimizer.lr_reference_batch,"


def load_resumable(checkpoint: Path) -> dict[str, Any]:
    """What stands in a checkpoint that a training can go on from, as far as the file alone tells.

    Raises:
        ConfigError: there is no such file.
        StorageError: it is damaged, or no Lightning checkpoint.
    """
    content = load_checkpoint(checkpoint)
    if not isinstance(content, dict) or not {"epoch", "state_dict", "loops", "optimizer_states"} <= content.keys():
        raise StorageError(
            f"{checkpoint}: not a Lightning checkpoint that can be resumed: to start from its weights alone, name it "
            "in model.init_from"
        )
    return content


def check_resumable(
    checkpoint: Path,
    module: pl.LightningModule,
    max_epochs: int,
    weights: str = "raw",
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Tell in words what Lightning would tell in a traceback, or not at all.

    Args:
        checkpoint: that is to be resumed.
        module: as the configuration builds it.
        max_epochs: the horizon.
        weights: `checkpoint.weights` of the configuration.
        origin: what `EpochReport` would write, with the fingerprints of what will be trained on.

    Raises:
        ConfigError: there is no such file, or it belongs to another configuration.
        DataError: it was trained on other data.
        StorageError: it is damaged, or no Lightning checkpoint.
    """
    content = load_resumable(checkpoint)
    if content["epoch"] >= max_epochs:
        raise ConfigError(
            f"{checkpoint}: saved after epoch {content['epoch'] + 1}, but trainer.max_epochs is {max_epochs}: raise it"
        )
    _check_groups(checkpoint, content, module)
    theirs, own = _settings(hyper_parameters(content)), _settings(module.hparams)
    references = [settings.pop(REFERENCE, None) for settings in (theirs, own)]
    if any(references):  # then nobody wrote these rates
        for settings in (theirs, own):
            settings[SCALED] = settings.pop("optimizer.lr", None)
    for settings in (theirs, own):
        for key in list(settings):
            need = facts(key).needs
            if need and need.key == "checkpoint.weights" and weights not in need.values:
                del settings[key]
    theirs["checkpoint.weights"], own["checkpoint.weights"] = "ema" if RAW_WEIGHTS in content else "raw", weights
    # What says nothing of settings, as a user's own module may, is told by its weights; the first of them is enough.
    differences = _differences(theirs, own)
    differences = differences or _differences(_shapes(content["state_dict"]), _shapes(module.state_dict()))[:1]
    if differences:
        raise ConfigError(
            f"{checkpoint}: trained with another configuration: {', '.join(differences)}: resume with the "
            "configuration the checkpoint was trained with"
        )
    for what in ("data", "noise"):
        there, here = (facts.get(f"{what}_fingerprint") for facts in (content.get("origin", {}), origin or {}))
        if there and here and there != here:
            raise DataError(
                f"{checkpoint}: trained on other {what} than this configuration's: restore what it was trained on, or "
                "start a new training from its weights (model.init_from)"
            )


def _check_groups(checkpoint: Path, content: Mapping[str, Any], module: pl.LightningModule) -> None:
    """Weights stand in groups by kind; torch raises a traceback where their number is another."""
    if not isinstance(module, SimpleCTCModule):
        return
    there = len(content["optimizer_states"][0]["param_groups"])
    here = len(adamw(module, module.hparams["optimizer"], fused=False).param_groups)
    if there != here:
        raise ConfigError(
            f"{checkpoint}: its optimiser has its weights in {there} groups, and this version of tune_asr in {here}: "
            "resume with the version that saved it, or start a new training from its weights (model.init_from)"
        )


def _differences(theirs: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    return [
        _vocabularies(theirs.get(name, ()), own.get(name, ()))
        if name == "vocab"
        else f"{name} is {_told(theirs, name)} there and {_told(own, name)} here"
        for name in dict.fromkeys((*own, *theirs))
        if own.get(name) != theirs.get(name)
    ]


def _vocabularies(theirs: Sequence[str], own: Sequence[str]) -> str:
    """How two vocabularies differ; they come from the training transcripts, so it is these, or `text`, that changed."""
    only = [(sorted(set(theirs) - set(own)), "there"), (sorted(set(own) - set(theirs)), "here")]
    told = [f"{_symbols(symbols)} only {where}" for symbols, where in only if symbols]
    return f"the vocabulary of data and text differs ({' and '.join(told) or 'in its order'})"


def _symbols(symbols: Sequence[str]) -> str:
    """Characters as they are; word pieces, which are many, by their number."""
    return shown("".join(symbols)) if max(map(len, symbols)) == 1 else f"{len(symbols):,} word pieces"


def _told(values: Mapping[str, Any], name: str) -> str:
    return shown(values[name]) if name in values else "absent"


def _shapes(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value.shape) if isinstance(value, torch.Tensor) else None for name, value in state.items()}


def _settings(hparams: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint decides, whatever the configuration says: the weights' meaning and the optimiser's state."""
    settings = {key: hparams[key] for key in ("vocab", "blank_id") if key in hparams}
    settings |= {f"features.{key}": hparams[key] for key in known_keys("features") if key in hparams}
    for name in ("model", "optimizer"):
        section = hparams.get(name)
        settings |= {f"{name}.{key}": value for key, value in section.items()} if isinstance(section, Mapping) else {}
    return {key: value for key, value in settings.items() if "." not in key or facts(key).fixed_on_resume}
