"""Ownership of a file by one process, until it ends.

The system releases `flock` however the process ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType

from tune_asr.storage.files import regular

_ATTEMPTS = 5
_PAUSE = 0.02
"""Seconds. `is_locked` holds the lock for an instant, which must not stop the next owner."""


class Lock:
    """Ownership of a file, until released or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the file up, but leave it in place.

        Removing it would let two processes lock different files of one name.
        """
        os.close(self._descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock(path: Path) -> Lock | None:
    """Lock a file for this process.

    A missing file is created. Returns None if another process has it.

    Raises:
        OSError: it is no file, cannot be written, or is on a file system without locks.
    """
    # Python opens files close-on-exec: a child that outlives this process holds no lock.
    descriptor = os.open(regular(path, missing_ok=True), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _flock(descriptor):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            return Lock(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def owner(path: Path) -> str:
    """Return the owner of the file at `path`, in words."""
    return regular(path).read_text(encoding="utf-8", errors="replace").strip() or "another process"


def is_locked(path: Path) -> bool:
    """Return True if a living process owns `path`. Writes nothing."""
    try:
        with regular(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # never locked, or on a file system without locks
        return False
    return False


def _flock(descriptor: int) -> bool:
    """Lock an open file; False if another process has it."""
    for attempt in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE)
        else:
            return True
    return False
