"""A Lightning checkpoint as a file. In reading one, nothing is unpickled but tensors and plain values."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from tune_asr.errors import ConfigError, StorageError


class CheckpointFile(TorchCheckpointIO):
    """Writes a checkpoint where it is asked to: whoever asks renames it into place.

    Lightning's own goes by way of the system's temporary folder, which may be small, and on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Save through a buffer: on a full disk `torch.save` raises errors that say nothing of it."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        Path(path).write_bytes(buffer.getbuffer())


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
    except IsADirectoryError:
        raise ConfigError(f"{checkpoint}: this is a folder: name a checkpoint in it") from None
    except pickle.UnpicklingError as error:  # torch's own message advises to load it all the same
        raise StorageError(
            f"{checkpoint}: holds more than tensors and plain values, and nothing else is ever loaded: use another one"
        ) from error
    except Exception as error:  # there is no end to what garbled bytes make zipfile and torch raise
        raise StorageError(f"{checkpoint}: not a checkpoint, or damaged ({error}): use an earlier one") from error


def hyper_parameters(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a module was built with, as its checkpoint says; a user's own may say nothing."""
    values = content.get("hyper_parameters")
    return values if isinstance(values, Mapping) else {}
