"""Single files: usability, a digest of the content, durability."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

EMPTY = "is empty"
"""Reason for which a file without bytes is unusable."""
MISSING = "does not exist"
"""Reason for which a path without a file is unusable."""
FOLDER = "a folder, not a file"
"""Kind of a folder in a file's place."""
SPECIAL = "a FIFO, a socket or a device, not a file"
"""Kind of anything else in a file's place."""
_SAMPLE_BYTES = 2048
_PLACES = 8


def reason_unusable(path: Path) -> str | None:
    """Return why `path` cannot be read, or None.

    The phrase follows the file's name. Empty files are unusable too. Nothing is opened: a FIFO would wait for a writer,
    and a device may never end.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"cannot be opened ({error.strerror})"
    except ValueError:
        return "has a name that no file can have"
    if stat.S_ISDIR(status.st_mode):
        return "is a directory, not a file"
    if not stat.S_ISREG(status.st_mode):
        return f"is {SPECIAL}"
    return None if status.st_size else EMPTY


def regular(path: Path, *, missing_ok: bool = False) -> Path:
    """Return `path`, but refuse all but regular files.

    Call it before `open`: a FIFO would wait for a writer, and a device may never end.

    Args:
        path: file to open.
        missing_ok: whether there may be nothing.

    Raises:
        OSError: there is something else, or nothing.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if missing_ok:
            return path
        raise
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, f"it is {FOLDER}", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.ENXIO, f"it is {SPECIAL}", str(path))  # as the system refuses to open a socket
    return path


def content_sample(path: Path) -> str:
    """Return a hexadecimal digest of size and eight samples.

    A recording that was amplified, cleaned or encoded again differs in a sample, even at the same size, unless all are
    digital silence. So a hundred hours of speech need not be read.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(str(size).encode())
        for place in range(_PLACES):
            start = max(0, size - _SAMPLE_BYTES) * place // (_PLACES - 1)
            digest.update(os.pread(file.fileno(), _SAMPLE_BYTES, start))
    return digest.hexdigest()


def names_in(folder: Path) -> list[str]:
    """List the names in a folder.

    `Path.glob` would hide some errors of a disk, and so take an unreadable folder for an empty one.

    Raises:
        OSError: the folder is missing or cannot be read.
    """
    return [path.name for path in folder.iterdir()]


def fsync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
