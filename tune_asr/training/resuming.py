"""Comparison of a checkpoint with the training resuming it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import lightning.pytorch as pl
from torch import Tensor

from tune_asr.config.keys import facts, known_keys
from tune_asr.config.scalars import shown
from tune_asr.config.schema import Weights
from tune_asr.errors import ConfigError, DataError, StorageError
from tune_asr.training.checkpoints import RAW_WEIGHTS, Content, Origin, hyper_parameters, load_checkpoint
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.optimizer import adamw
from tune_asr.training.settings import Settings

REFERENCE = "optimizer.lr_reference_batch"
SCALED = "optimizer.lr, scaled by optimizer.lr_reference_batch,"
_NEEDED = {"epoch", "state_dict", "loops", "optimizer_states"}


def load_resumable(checkpoint: Path, *, mapped: bool = False) -> Content:
    """Load a checkpoint, and check that it is resumable.

    Raises:
        ConfigError: there is no such file.
        StorageError: it is damaged, or no Lightning checkpoint.
    """
    content = load_checkpoint(checkpoint, mapped=mapped)
    if not isinstance(content, dict) or not content.keys() >= _NEEDED or not _is_sound(content):
        raise StorageError(
            f"{checkpoint}: not a Lightning checkpoint that can be resumed",
            hint="To start from its weights alone, name it in model.init_from.",
        )
    return content


def oddity(checkpoint: Path, epoch: int) -> str | None:
    """Return why a trial cannot resume from a checkpoint.

    Sizes and hashes in its manifest do not show who made it.
    """
    try:
        content = load_resumable(checkpoint, mapped=True)
    except (ConfigError, StorageError) as error:
        return error.cause.removeprefix(f"{checkpoint}: ")
    if content["epoch"] != epoch - 1:
        return f"{checkpoint.name} was saved after epoch {content['epoch'] + 1}"
    return None


def _is_sound(content: Content) -> bool:
    """Return whether the needed keys have values of their kinds."""
    states = content["optimizer_states"]
    if not isinstance(states, list) or not isinstance(content.get("origin", {}), dict):
        return False
    groups = [state.get("param_groups") if isinstance(state, dict) else None for state in states]
    return (
        isinstance(content["epoch"], int)
        and isinstance(content.get("global_step"), int)
        and isinstance(content["state_dict"], dict)
        and isinstance(content["loops"], dict)
        and bool(groups)
        and all(isinstance(group, list) for group in groups)
    )


def resumed_rules(content: Content) -> int | None:
    """Return `text.rules` of a checkpoint, None if unrecorded."""
    rules: int | None = content.get("origin", {}).get("config", {}).get("text", {}).get("rules")
    return rules


def check_resumable(
    checkpoint: Path,
    module: pl.LightningModule,
    max_epochs: int,
    weights: Weights = "raw",
    origin: Origin | None = None,
) -> None:
    """Compare a checkpoint with the training resuming it.

    Lightning would end in a traceback, or train something else.

    Args:
        checkpoint: checkpoint to resume.
        module: module of the configuration.
        max_epochs: horizon.
        weights: `checkpoint.weights` of the configuration.
        origin: origin of the training, with the fingerprints of its data.

    Raises:
        ConfigError: there is no such file, or it has another configuration.
        DataError: it has other data.
        StorageError: it is damaged, or no Lightning checkpoint.
    """
    content = load_resumable(checkpoint)
    if content["epoch"] >= max_epochs:
        raise ConfigError(
            f"{checkpoint}: saved after epoch {content['epoch'] + 1}, but trainer.max_epochs is {max_epochs}",
            hint="Raise trainer.max_epochs.",
        )
    _check_groups(checkpoint, content, module)
    # A custom module may save no settings; its first different weight is enough.
    differences = _setting_differences(content, module, weights) or _shape_differences(content, module)[:1]
    if differences:
        raise ConfigError(
            f"{checkpoint}: trained with another configuration: {', '.join(differences)}",
            hint="Resume with the configuration of the checkpoint.",
        )
    _check_origin(checkpoint, content.get("origin", {}), origin or {})


def _check_groups(checkpoint: Path, content: Content, module: pl.LightningModule) -> None:
    """Check the number of parameter groups before torch does."""
    if not isinstance(module, SimpleCTCModule):
        return
    there = len(content["optimizer_states"][0]["param_groups"])
    here = len(adamw(module, module.hparams["optimizer"], fused=False).param_groups)
    if there != here:
        raise ConfigError(
            f"{checkpoint}: its optimiser has its weights in {there} groups, and this version of tune_asr in {here}",
            hint="Resume with the version that saved it, or start a new training from its weights (model.init_from).",
        )


def _check_origin(checkpoint: Path, there: Origin, here: Origin) -> None:
    fingerprints = {
        "data": (there.get("data_fingerprint"), here.get("data_fingerprint")),
        "noise": (there.get("noise_fingerprint"), here.get("noise_fingerprint")),
    }
    for what, (old, new) in fingerprints.items():
        if old and new and old != new:
            raise DataError(
                f"{checkpoint}: trained on other {what} than this configuration's",
                hint=f"Restore the {what}, or start a new training from its weights (model.init_from).",
            )


def _setting_differences(content: Content, module: pl.LightningModule, weights: Weights) -> list[str]:
    theirs, own = (_settings(values, weights) for values in (hyper_parameters(content), module.hparams))
    references = [settings.pop(REFERENCE, None) for settings in (theirs, own)]
    if any(references):  # the configuration has other rates than the optimiser
        for settings in (theirs, own):
            settings[SCALED] = settings.pop("optimizer.lr", None)
    theirs["checkpoint.weights"], own["checkpoint.weights"] = "ema" if RAW_WEIGHTS in content else "raw", weights
    return [
        _vocabularies(theirs.get(key, ()), own.get(key, ())) if key == "vocab" else theirs.difference(own, key)
        for key in dict.fromkeys((*own, *theirs))
        if own.get(key) != theirs.get(key)
    ]


def _settings(hparams: Mapping[str, object], weights: Weights) -> Settings:
    """Return the settings decided by a checkpoint.

    They give its weights and the optimiser's state their meaning.
    """
    settings = Settings({key: hparams[key] for key in ("vocab", "blank_id") if key in hparams})
    settings.add("features", hparams, known_keys("features"))
    for section in ("model", "optimizer"):
        settings.add(section, hparams.get(section))
    for key in [key for key in settings if "." in key]:
        need = facts(key).needs
        is_unused = need and need.key == "checkpoint.weights" and weights not in need.values
        if is_unused or not facts(key).fixed_on_resume:
            del settings[key]
    return settings


def _shape_differences(content: Content, module: pl.LightningModule) -> list[str]:
    theirs, own = (
        Settings({name: tuple(value.shape) if isinstance(value, Tensor) else None for name, value in state.items()})
        for state in (content["state_dict"], module.state_dict())
    )
    return [theirs.difference(own, name) for name in {**own, **theirs} if own.get(name) != theirs.get(name)]


def _vocabularies(theirs: Sequence[str], own: Sequence[str]) -> str:
    """Describe the difference of two vocabularies.

    The training transcripts or the section `text` changed.
    """
    only = [(sorted(set(theirs) - set(own)), "there"), (sorted(set(own) - set(theirs)), "here")]
    parts = [f"{_symbols(symbols)} only {where}" for symbols, where in only if symbols]
    return f"the vocabulary of data and text differs ({' and '.join(parts) or 'in its order'})"


def _symbols(symbols: Sequence[str]) -> str:
    """Show characters; of word pieces, only their number."""
    return shown("".join(symbols)) if max(map(len, symbols)) == 1 else f"{len(symbols):,} word pieces"
