"""Lightning checkpoints as files.

Reading one unpickles nothing but tensors and plain values.

Beside Lightning's keys a checkpoint has `origin`, facts about its training, and states of our callbacks under the keys
below. An average of checkpoints has `averaged` too. Release 0.1.0 used class names as keys, which are still read.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypedDict

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from tune_asr.config.releases import with_rules
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.storage.files import regular
from tune_asr.training.epochs import Epoch

EPOCHS_STATE, EMA_STATE, BATCHES_STATE = "tune_asr.epochs", "tune_asr.ema", "tune_asr.batches"
_STATES_OF_0_1_0 = {"EpochReport": EPOCHS_STATE, "WarmingAverage": EMA_STATE}
RAW_WEIGHTS: Final = "current_model_state"
"""Key of the trained weights if `state_dict` holds their moving average."""
INITIAL_SHA256: Final = "initial_sha256"
"""Key of `origin`: hash of the file with the initial weights."""


class Origin(TypedDict, total=False):
    """Facts about a training, kept in its checkpoints.

    One file is therefore enough to export a recogniser.
    """

    config: Mapping[str, Any]
    """Configuration, as plain values."""
    data_fingerprint: str | None
    """Fingerprint of training and validation data."""
    noise_fingerprint: str
    """Fingerprint of `augment.noise_dir`."""
    initial_sha256: str
    """Hash of the file with the initial weights; see `INITIAL_SHA256`."""
    device: str
    """Type of the device that trained."""


class Averaged(TypedDict):
    """Facts about an average of checkpoints."""

    epochs: list[int]
    """Numbers of the averaged epochs."""
    best: dict[str, float]
    """Entry of the history for the best of them."""


class Content(TypedDict, total=False):
    """Content of a checkpoint: the keys of Lightning, and ours."""

    epoch: int
    """Number of the epoch, from 0 as Lightning counts."""
    global_step: int
    """Optimiser steps so far."""
    state_dict: dict[str, Tensor]
    """Weights that were scored."""
    current_model_state: dict[str, Tensor]
    """Trained weights, if `state_dict` has their moving average."""
    hyper_parameters: Mapping[str, Any] | None
    """Arguments of the module."""
    callbacks: dict[str, Any]
    """States of callbacks, by their keys."""
    loops: dict[str, Any]
    """State of Lightning's loops."""
    optimizer_states: list[Any]
    """State of the optimiser, as torch saves it."""
    origin: Origin
    averaged: Averaged


class CheckpointFile(TorchCheckpointIO):
    """Write a checkpoint directly to its path.

    The caller renames it into place.

    Lightning's own way goes through the system's temporary folder, which may be small or on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Save through a buffer.

        On a full disk `torch.save` raises errors that do not mention the disk.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())

    def load_checkpoint(self, path: str | Path, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Load a checkpoint of this or an earlier release."""
        content = super().load_checkpoint(path, *arguments, **options)
        _upgrade(content)
        return content


def load_checkpoint(checkpoint: Path, *, mapped: bool = False) -> Content:
    """Load a checkpoint of any release onto the CPU.

    A file of other origin may lack any key, or be no mapping at all.

    Args:
        checkpoint: path of the file.
        mapped: whether weights are read from the disk only once they are used, and check sums not at all.

    Raises:
        ConfigError: there is no such file.
        StorageError: it is damaged, or holds more than tensors and plain values.
    """
    try:
        with zipfile.ZipFile(regular(checkpoint)) as archive:
            torn = None if mapped else archive.testzip()  # torch does not look at the check sums
        if torn:
            raise zipfile.BadZipFile(f"{torn} does not match its check sum")
        content: Content = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=mapped)
        _upgrade(content)
        return content
    except FileNotFoundError:
        raise ConfigError(f"{checkpoint}: no such checkpoint", hint="Name a file that a training has saved.") from None
    except IsADirectoryError:
        raise ConfigError(f"{checkpoint}: this is a folder", hint="Name a checkpoint in it.") from None
    except pickle.UnpicklingError as error:  # torch's own message advises to load it all the same
        raise StorageError(
            f"{checkpoint}: holds more than tensors and plain values, and nothing else is ever loaded",
            hint="Use another one.",
        ) from error
    except Exception as error:  # zipfile and torch raise errors of many classes over garbled bytes
        is_zip = not isinstance(error, zipfile.BadZipFile) or zipfile.is_zipfile(checkpoint)
        reason = f" ({getattr(error, 'strerror', None) or error})" if is_zip else ""
        raise StorageError(
            f"{checkpoint}: not a checkpoint, or damaged{reason}", hint="Use an earlier checkpoint."
        ) from error


def _upgrade(content: Any) -> None:
    """Give a checkpoint of release 0.1.0 what it lacks today."""
    origin = content.get("origin") if isinstance(content, dict) else None
    if isinstance(origin, dict) and isinstance(config := origin.get("config"), dict):
        origin["config"] = with_rules(config)
    states = content.get("callbacks") if isinstance(content, dict) else None
    if isinstance(states, dict):
        for old, new in _STATES_OF_0_1_0.items():
            if old in states:
                states[new] = states.pop(old)
        if BATCHES_STATE not in states:  # then Lightning's own count is the only one
            with suppress(LookupError, TypeError):
                progress = content["loops"]["fit_loop"]["epoch_loop.batch_progress"]
                states[BATCHES_STATE] = {"num_batches": progress["current"]["completed"]}


def without_record(checkpoint: Path, error: Exception) -> StorageError:
    """Return the error of a checkpoint without a record.

    Args:
        checkpoint: path of the file.
        error: error of reading the record.
    """
    what = f"this checkpoint has no record of its training ({type(error).__name__}: {error})"
    hint = "Give a results folder, or a checkpoint that `python -m tune_asr.train` wrote."
    return StorageError(Problem(str(checkpoint), what, hint))


def history(content: Content) -> list[Epoch]:
    """Return the epochs of a loaded checkpoint.

    Raises:
        LookupError, TypeError: it is not the checkpoint of a training.
    """
    return [Epoch.of(entry) for entry in content["callbacks"][EPOCHS_STATE]["history"]]


def hyper_parameters(content: Content) -> Mapping[str, Any]:
    """Return the saved arguments of a checkpoint's module."""
    values = content.get("hyper_parameters")
    return values if isinstance(values, Mapping) else {}
