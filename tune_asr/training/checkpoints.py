"""The checkpoints that `train` keeps, each whole or not there at all; and whether one can be resumed."""

from __future__ import annotations

import io
import os
import pickle
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from tune_asr.config.scalars import shown
from tune_asr.errors import ConfigError, DataError, StorageError
from tune_asr.training.averaging import RAW_WEIGHTS
from tune_asr.training.epochs import EpochResult, Save, best_epochs
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.optimizer import adamw

AVERAGE = "ctc-average.ckpt"
"""The average of a training's best checkpoints: see `checkpoint_average`."""
REFERENCE = "optimizer.lr_reference_batch"
SCALED = "optimizer.lr, scaled by optimizer.lr_reference_batch,"


class CheckpointFile(TorchCheckpointIO):
    """Writes a checkpoint where it is asked to: whoever asks renames it into place.

    Lightning's own goes by way of the system's temporary folder, which may be small, and on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Save through a buffer: on a full disk `torch.save` raises errors that say nothing of it."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())


class CheckpointFolder:
    """Saves `ctc-epoch=NN.ckpt`, NN from 0 as Lightning counts, and removes what is neither new nor among the best.

    What a checkpoint made of each utterance may stand beside it (`alignments_of`), and goes where it goes.

    Checkpoints of an earlier training in the same folder are moved into a folder beside them before the first one is
    saved, and so are those of this training that a resume is about to make again. None is lost.

    Args:
        dirpath: the folder.
        metric: what "best" goes by, `val_wer` or `val_cer`.
        save_top_k: how many of the best are kept.
        resumed_from: the checkpoint that the training goes on from; one in `dirpath` says that those there are its own.

    Raises:
        StorageError: the folder cannot be written.
    """

    def __init__(self, dirpath: Path, *, metric: str, save_top_k: int, resumed_from: Path | None) -> None:
        self.dirpath = dirpath
        self.metric = metric
        self.save_top_k = save_top_k
        self._goes_on = resumed_from is not None and resumed_from.resolve().parent == dirpath.resolve()
        self._saved_one = False
        self.set_aside: Path | None = None
        """Where checkpoints of an earlier training were moved, if there were any."""
        try:
            dirpath.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=dirpath).close()
        except OSError as error:
            raise StorageError(f"{dirpath}: cannot be written: {error.strerror}: choose checkpoint.dirpath") from error

    def path(self, epoch: float) -> Path:
        """The checkpoint of an epoch; `epoch` counts from 1."""
        return self.dirpath / f"ctc-epoch={int(epoch) - 1:02d}.ckpt"

    def kept(self, epoch: float) -> Path | None:
        """The checkpoint of an epoch of this training, if it is still there; an earlier training's is none."""
        path = self.path(epoch)
        return path if (self._saved_one or self._goes_on) and path.exists() else None

    def kept_average(self) -> Path | None:
        """The average of this training's best checkpoints, if there is one; an earlier training's is none."""
        path = self.dirpath / AVERAGE
        return path if (self._saved_one or self._goes_on) and path.exists() else None

    def save(self, result: EpochResult, save: Save) -> Path:
        """Save an epoch under its name, which is returned, and remove those that it makes superfluous."""
        final = self.path(result.epoch)
        if not self._saved_one:
            try:
                self._set_aside(result.epoch)
            except OSError as error:
                raise _unwritten(final, error) from error
        self._write(final, save)
        self._saved_one = True
        self.thin(result.history, self.save_top_k)
        return final

    def save_average(self, save: Save) -> Path:
        """Save the average of the best checkpoints under its name, which is returned."""
        final = self.dirpath / AVERAGE
        self._write(final, save)
        return final

    def thin(self, history: Sequence[Mapping[str, float]], save_top_k: int) -> None:
        """Remove what is neither new nor among the `save_top_k` best."""
        saved = [epoch for epoch in history if self.kept(epoch["epoch"])]
        best = best_epochs(saved, self.metric, save_top_k)
        for epoch in saved[:-1]:
            if epoch not in best:
                self.path(epoch["epoch"]).unlink(missing_ok=True)
                alignments_of(self.path(epoch["epoch"])).unlink(missing_ok=True)

    def _write(self, final: Path, save: Save) -> None:
        # No temporary name ends in .ckpt: whoever lists the folder sees whole checkpoints alone.
        temporary = final.with_suffix(f".{os.getpid()}.tmp")
        try:
            save(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(final)
        except OSError as error:
            raise _unwritten(final, error) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _set_aside(self, first: int) -> None:
        for torn in self.dirpath.glob("ctc-*.tmp"):  # of a process that was killed
            torn.unlink()
        own = {self.path(epoch) for epoch in range(1, first)} if self._goes_on else set()
        earlier = {*self.dirpath.glob("ctc-epoch=*.ckpt"), *self.dirpath.glob(AVERAGE)} - own
        if earlier:
            aside = self.dirpath / f"previous-{datetime.now():%Y%m%d-%H%M%S-%f}"
            aside.mkdir()
            for path in sorted(earlier):
                path.rename(aside / path.name)
                with suppress(FileNotFoundError):
                    alignments_of(path).rename(aside / alignments_of(path).name)
            self.set_aside = aside


def _unwritten(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: cannot be written: {error.strerror or error}")


def alignments_of(checkpoint: Path) -> Path:
    """Where it is written what became of each utterance under a checkpoint."""
    return checkpoint.with_suffix(".alignments.txt")


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
    content = load_checkpoint(checkpoint)
    if not isinstance(content, dict) or not {"epoch", "state_dict", "loops", "optimizer_states"} <= content.keys():
        raise StorageError(f"{checkpoint}: not a Lightning checkpoint that can be resumed")
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
    if weights == "raw":
        for settings in (theirs, own):
            settings.pop("optimizer.ema_decay", None)
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


def hyper_parameters(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a module was built with, as its checkpoint says; a user's own may say nothing."""
    values = content.get("hyper_parameters")
    return values if isinstance(values, Mapping) else {}


def load_checkpoint(checkpoint: Path) -> Any:
    """What stands in a checkpoint, its tensors on the CPU. Nothing is unpickled but tensors and plain values.

    Raises:
        ConfigError: there is no such file.
        StorageError: it is damaged, or holds anything else.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            torn = archive.testzip()  # torch does not look at the check sums
        if torn:
            raise zipfile.BadZipFile(f"{torn} does not match its check sum")
        return torch.load(checkpoint, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"{checkpoint}: no such checkpoint") from None
    except pickle.UnpicklingError as error:  # torch's own message advises to load it all the same
        raise StorageError(
            f"{checkpoint}: holds more than tensors and plain values, and nothing else is ever loaded: use another one"
        ) from error
    except Exception as error:  # there is no end to what garbled bytes make zipfile and torch raise
        raise StorageError(f"{checkpoint}: not a checkpoint, or damaged ({error}): use an earlier one") from error


def _shapes(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value.shape) if isinstance(value, torch.Tensor) else None for name, value in state.items()}


def _settings(hparams: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint decides, whatever the configuration says: the weights' meaning and the optimiser's state."""
    settings = {key: hparams[key] for key in ("vocab", "blank_id") if key in hparams}
    if "num_mel_bins" in hparams:
        settings["features.num_mel_bins"] = hparams["num_mel_bins"]
    for name in ("model", "optimizer"):
        section = hparams.get(name)
        settings |= {f"{name}.{key}": value for key, value in section.items()} if isinstance(section, Mapping) else {}
    return {key: value for key, value in settings.items() if key not in ("model.dropout", "model.init_from")}
