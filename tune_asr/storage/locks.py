"""A file that one process holds: `flock`, which the system takes back when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType

_ATTEMPTS = 5
_PAUSE = 0.02
"""Seconds. `is_locked` holds the lock for an instant; that must not stop its next owner."""


class Lock:
    """The ownership of a file. Closing it, which the end of the process does too, gives it up."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the file up. It stays where it is: to remove it would let two processes lock files of one name."""
        os.close(self._descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock(path: Path) -> Lock | None:
    """Take the file at `path`, which is made where there is none, for this process; None where another has it.

    Raises:
        OSError: it cannot be written, or is on a file system without locks.
    """
    # Close-on-exec, as Python opens all files: a child that outlives this process holds no lock.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
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
    """Who has the file at `path`, in words."""
    return path.read_text(encoding="utf-8", errors="replace").strip() or "another process"


def is_locked(path: Path) -> bool:
    """Whether a living process has the file at `path`. Writes nothing."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # never locked, or on a file system without locks
        return False
    return False


def _flock(descriptor: int) -> bool:
    """Lock the open file for this process alone; False where another holds it."""
    for attempt in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE)
        else:
            return True
    return False
