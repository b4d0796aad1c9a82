"""Checkpoint folders, one per epoch, verified by sizes and hashes.

    checkpoints/TRIAL/epoch_NNN/checkpoint.ckpt     state from which training continues
                                utterances.jsonl    error counts of each validation utterance
                                manifest.json       {file: {size, sha256}}

The folder is written under a temporary name and renamed, so a folder of its final name was complete once; the
manifest shows whether it still is. The contents of the files do not matter here: they are bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tune_asr.storage.atomic import new_folder, set_aside
from tune_asr.storage.errors import storage_error, writing
from tune_asr.storage.files import names_in, regular
from tune_asr.storage.temporary import TEMPORARY_PREFIX, temporary_sibling

CHECKPOINT = "checkpoint.ckpt"
UTTERANCES = "utterances.jsonl"
MANIFEST = "manifest.json"

_EPOCH = re.compile(r"epoch_(\d{3,})(\.replaced)?")


def epoch_folder(trial_folder: Path, epoch: int) -> Path:
    """Return the folder for the checkpoint of an epoch."""
    return trial_folder / f"epoch_{epoch:03d}"


def stored(trial_folder: Path, epoch: int) -> Path:
    """Return the folder of `epoch`, or its backup.

    A backup remains if a crash interrupts the replacement of the folder.
    """
    folder = epoch_folder(trial_folder, epoch)
    return folder if folder.exists() or not set_aside(folder).exists() else set_aside(folder)


def kept_epochs(trial_folder: Path) -> set[int]:
    """Return the epochs with a checkpoint, intact or not.

    Raises:
        StorageError: `trial_folder` cannot be read, or is not a folder.
    """
    return {int(match[1]) for match in map(_EPOCH.fullmatch, _names(trial_folder)) if match}


def write_checkpoint(folder: Path, files: Mapping[str, Callable[[Path], None]]) -> None:
    """Write a checkpoint folder as a whole, onto the disk.

    A folder of that name is replaced; `stored` finds the earlier one if a crash interrupts that.

    Args:
        folder: `checkpoints/TRIAL/epoch_NNN`.
        files: by file name, a function that writes the file at the path it is given.

    Raises:
        StorageError: it cannot be written; what was there is still there.
    """
    with writing(folder, "cannot write the checkpoint"), new_folder(folder, replace=True) as temporary:
        manifest = {}
        for name, write in files.items():
            write(temporary / name)
            manifest[name] = {"size": (temporary / name).stat().st_size, "sha256": _sha256(temporary / name)}
        (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def verify(folder: Path) -> str | None:
    """Return why the checkpoint cannot be used, None if intact."""
    try:
        if not folder.exists():
            return "removed"
        entries = _entries(folder)
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"{MANIFEST} is damaged"
    if not entries or any(Path(name).name != name for name, _, _ in entries):
        return f"{MANIFEST} is damaged"
    reasons = (_damage(folder / name, size, sha256) for name, size, sha256 in entries)
    return next((reason for reason in reasons if reason), None)


def recorded_sha256(folder: Path) -> str | None:
    """Return the hash of a checkpoint by its manifest.

    None if the manifest is missing or damaged.
    """
    try:
        return next((sha256 for name, _, sha256 in _entries(folder) if name == CHECKPOINT), None)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def has_sha256(file: Path, sha256: str) -> bool:
    """Return whether a readable file has this hash."""
    try:
        return _sha256(file) == sha256
    except OSError:
        return False


def _entries(folder: Path) -> list[tuple[str, int, str]]:
    """Return name, size and hash of each file."""
    manifest = json.loads(regular(folder / MANIFEST).read_bytes())
    return [(name, entry["size"], entry["sha256"]) for name, entry in manifest.items()]


def _nothing_odd(checkpoint: Path, epoch: int) -> None:
    """Find nothing odd in a checkpoint."""


def newest_intact(
    trial_folder: Path, up_to_epoch: int, oddity: Callable[[Path, int], str | None] = _nothing_odd
) -> tuple[int, Path | None, list[str]]:
    """Find the newest intact checkpoint of a trial.

    Checkpoints later than the ledger's last epoch are ignored: their reports are lost, so the epoch is trained again,
    and none is counted twice.

    Args:
        trial_folder: folder of the trial's checkpoints.
        up_to_epoch: last epoch of the trial in the ledger.
        oddity: function that returns why the intact checkpoint of an epoch cannot be used all the same.

    Returns:
        Epoch and folder, (0, None) without one; and a line for each later one that is damaged, odd or removed. The last
        epoch always has a checkpoint; of others that is unknown.
    """
    candidates = {epoch for epoch in kept_epochs(trial_folder) | {up_to_epoch} if 0 < epoch <= up_to_epoch}
    damaged: list[str] = []
    for epoch in sorted(candidates, reverse=True):
        folder = stored(trial_folder, epoch)
        reason = verify(folder) or oddity(folder / CHECKPOINT, epoch)
        if reason is None:
            return epoch, folder, damaged
        damaged.append(f"{epoch_folder(trial_folder, epoch)}: {reason}")
    return 0, None, damaged


def retain(trial_folder: Path, keep: set[int]) -> None:
    """Remove all checkpoints but those of `keep`, and leftovers.

    Call it only while no checkpoint of the trial is being written: a half-written one is taken for abandoned.

    Raises:
        StorageError: `trial_folder` cannot be read, or is not a folder.
    """
    for epoch in kept_epochs(trial_folder) - keep:
        for folder in (epoch_folder(trial_folder, epoch), set_aside(epoch_folder(trial_folder, epoch))):
            with suppress(OSError):
                # Under its own name, a folder that is half removed would be taken for a damaged checkpoint.
                folder.rename(temporary_sibling(folder))
    for name in _names(trial_folder):
        if name.startswith(TEMPORARY_PREFIX):
            shutil.rmtree(trial_folder / name, ignore_errors=True)


def _names(folder: Path) -> list[str]:
    """List a folder; a missing one is empty."""
    try:
        return names_in(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error(error, folder, "cannot look for checkpoints") from error


def _damage(file: Path, size: int, sha256: str) -> str | None:
    try:
        found = file.stat().st_size
        if found != size:
            return f"{file.name} has {found} bytes where its manifest says {size}"
        if _sha256(file) != sha256:
            return f"{file.name} does not match its SHA-256: bits have changed"
    except FileNotFoundError:
        return f"{file.name} is missing"
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror}"
    return None


def _sha256(file: Path) -> str:
    with regular(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
