"""Files as such: whether one can be opened without harm, and that one is on the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def reason_unusable(path: Path) -> str | None:
    """Return why `path` cannot be read, as a phrase that follows its name, or None where it is a file with content.

    Nothing is opened: to open a FIFO waits for a writer, and a device may never end.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be opened ({error.strerror})"
    except ValueError:
        return "has a name that no file can have"
    if stat.S_ISDIR(status.st_mode):
        return "is a directory, not a file"
    if not stat.S_ISREG(status.st_mode):
        return "is a FIFO, a socket or a device, not a file"
    return None if status.st_size else "is empty"


def fsync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
