"""Errors of the file system as sentence and hint."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tune_asr.errors import Problem, StorageError
from tune_asr.storage.files import FOLDER, SPECIAL, regular

_ELSEWHERE = "another --results helps"
"""Kind of problems that another results folder would avoid."""
_MORE_SPACE = "Free some space, or choose another disk with {}."
_COPY = "copy the folder to another disk and resume it there."
_REMOVE = "Remove it."
_REPLACE = "Remove it, and restore the file from a copy if you have one."
_REASONS = {
    errno.EISDIR: (f"it is {FOLDER}", _REPLACE),
    errno.ENXIO: (f"it is {SPECIAL}", _REPLACE),
    errno.ENOSPC: ("the disk is full", _MORE_SPACE),
    errno.EDQUOT: ("the disk quota is used up", _MORE_SPACE),
    errno.EFBIG: ("the file would exceed the size limit", "Raise the limit (ulimit -f), or make the file smaller."),
    errno.EROFS: ("the file system is read-only", "Choose a writable folder with {}."),
    errno.EACCES: ("permission denied", "Give yourself write access, or choose another folder with {}."),
    errno.EPERM: ("the system forbids it", "Remove an immutable flag (lsattr), or choose another folder with {}."),
}


def storage_error(
    error: OSError, path: Path, doing: str = "cannot be written", *, setting: str = "--results"
) -> StorageError:
    """Turn an error of the file system into a message.

    Args:
        error: error of the system.
        path: file or folder at fault.
        doing: failed action, e.g. "cannot be written".
        setting: flag or key that names the folder, for the hint.
    """
    unknown = (error.strerror or str(error), "Check the path and its disk, or choose another with {}.")
    reason, hint = _REASONS.get(error.errno or 0, unknown)
    kind = _ELSEWHERE if "{}" in hint and setting == "--results" else ""
    return StorageError(Problem(str(path), f"{doing}: {reason}", hint.format(setting), kind))


def for_resume(error: StorageError) -> StorageError:
    """Adapt the hints to `--resume`, which refuses `--results`."""
    return StorageError(replace(p, hint=_resume_hint(p.hint)) if p.kind == _ELSEWHERE else p for p in error.problems)


def _resume_hint(hint: str) -> str:
    first, _, _ = hint.rpartition(", or ")
    return f"{first}, or {_COPY}" if first else _COPY.capitalize()


@contextmanager
def disk_errors(root: Path) -> Iterator[None]:
    """Raise `storage_error` for files that cannot be looked at.

    A server that restarts answers with an error where a file is only looked for. Errors of files outside `root` are
    passed on.

    Args:
        root: folder at fault.

    Raises:
        StorageError: the file system refused a call for a file below `root`.
    """
    try:
        yield
    except OSError as error:
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
        if path is None or not path.absolute().is_relative_to(root.absolute()):
            raise
        raise storage_error(error, path, "cannot be used") from error


def require_files(*paths: Path, content: bool = True) -> None:
    """Refuse folders, FIFOs, sockets and devices.

    Args:
        paths: files, or nothing.
        content: whether their content is worth a copy, for the hint.

    Raises:
        StorageError: one of the paths is neither a file nor missing.
    """
    for path in paths:
        try:
            regular(path, missing_ok=True)
        except OSError as error:
            refused = storage_error(error, path, "cannot be used")
            if content:
                raise refused from error
            short = (replace(p, hint=_REMOVE) if p.hint == _REPLACE else p for p in refused.problems)
            raise StorageError(short) from error


@contextmanager
def writing(path: Path, doing: str = "cannot be written", *, setting: str = "--results") -> Iterator[None]:
    """Raise `storage_error` for an OSError of the body.

    Args:
        path: file or folder that the body writes.
        doing: failed action, as for `storage_error`.
        setting: flag or key that names the folder, for the hint.

    Raises:
        StorageError: the file system refused a call.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(error, path, doing, setting=setting) from error
