"""Folders of one process, and the remains of killed ones."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from tune_asr.storage.locks import is_locked, lock

_OWNER = "owner"
_ATTEMPTS = 10
_PAUSE = 0.1


def owned_folder(parent: Path, prefix: str) -> Path:
    """Make a folder that this process owns until its end.

    Those of killed processes are removed.

    Args:
        parent: folder to make it in.
        prefix: beginning of the name.
    """
    for owner in parent.glob(f"{prefix}*/{_OWNER}"):
        if os.access(owner, os.W_OK) and not is_locked(owner):
            shutil.rmtree(owner.parent, ignore_errors=True)
    hidden = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=parent))
    try:
        lock(hidden / _OWNER)  # held until this process ends
    except OSError:  # a file system without locks, so the folder cannot show whether this process lives
        (hidden / _OWNER).unlink(missing_ok=True)
    return hidden.rename(hidden.with_name(hidden.name[1:]))


def remove_owned(folder: Path) -> None:
    """Remove a folder in which killed processes may still write."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE)
