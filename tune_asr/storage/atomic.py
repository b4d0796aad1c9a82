"""Files that are either the old ones or the new ones, whatever dies in between.

A file is written to a temporary sibling, fsynced, renamed, and the folder is fsynced: the rename
alone would not survive a power cut. Every failure of the file system becomes one sentence.
"""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tune_asr.errors import Problem, StorageError
from tune_asr.storage.files import fsync

TEMPORARY_PREFIX = ".tmp-"
"""What half-written files and folders begin with. They never look like what they become."""

_MORE_SPACE = "Free some space (then --resume), or take another disk with --results."
_REASONS = {
    errno.ENOSPC: ("the disk is full", _MORE_SPACE),
    errno.EDQUOT: ("the disk quota is used up", _MORE_SPACE),
    errno.EROFS: ("the file system is read-only", "Choose a folder that can be written with --results."),
    errno.EACCES: ("permission denied", "Give yourself write access, or choose another folder with --results."),
    errno.EPERM: ("the system forbids it", "Look for an immutable flag (lsattr), or choose another --results."),
}


def storage_error(error: OSError, path: Path, doing: str) -> StorageError:
    """The sentence for a failed call of the file system, e.g. `doing="cannot write it"`."""
    reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), "Look at the path and its disk."))
    return StorageError(Problem(str(path), f"{doing}: {reason}", hint))


def temporary_sibling(path: Path) -> Path:
    """A name beside `path` that no other attempt uses, and that is not taken for a finished file."""
    return path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")


def write_atomic(path: Path, data: bytes) -> None:
    """Put `data` in place of the file at `path`, at once and for good.

    Raises:
        StorageError: it cannot be written; the file is then what it was.
    """
    _replace(path, lambda temporary: temporary.write_bytes(data))


def write_if_changed(path: Path, data: bytes) -> None:
    """`write_atomic`, unless the file at `path` holds `data` already.

    Raises:
        StorageError: it cannot be written; the file is then what it was.
    """
    try:
        if path.is_file() and path.read_bytes() == data:
            return
    except OSError as error:
        raise storage_error(error, path, "cannot read it") from error
    write_atomic(path, data)


def copy_atomic(source: Path, path: Path) -> None:
    """Put a copy of `source` in place of the file at `path`, at once and for good.

    A copy and not a hard link: damage to one of the two leaves the other whole.

    Raises:
        StorageError: it cannot be read or written; the file is then what it was.
    """
    _replace(path, lambda temporary: shutil.copyfile(source, temporary))


def probe_writable(folder: Path) -> None:
    """Find out by writing 64 KiB whether files can be made in `folder`: modes do not bind root, full disks do.

    Raises:
        StorageError: they cannot.
    """
    probe = temporary_sibling(folder / "probe")
    try:
        probe.write_bytes(bytes(1 << 16))
        fsync(probe)
    except OSError as error:
        raise storage_error(error, folder, "the folder cannot be written") from error
    finally:
        _discard(probe)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    temporary = temporary_sibling(path)
    try:
        write(temporary)
        fsync(temporary)
        temporary.replace(path)
        fsync(path.parent)
    except OSError as error:
        raise storage_error(error, path, "cannot write it") from error
    finally:
        _discard(temporary)


def _discard(temporary: Path) -> None:
    with suppress(OSError):  # gone already, or never made: the error that matters is on its way
        temporary.unlink()
