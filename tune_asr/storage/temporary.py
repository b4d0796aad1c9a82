"""Temporary names, and the remains of killed processes.

Whoever writes under a temporary name locks it meanwhile. The system releases the lock however the process ends, so
remains are told from work in progress, on this host and, if the file system has locks, on others.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"
"""First characters of an unfinished file's or folder's name, never those of a finished one."""
LASTING = "TUNE_ASR_TMPDIR"
"""Variable of workers whose TMPDIR ends with their search: folder for what outlives it."""
_OURS = re.compile(re.escape(TEMPORARY_PREFIX) + "([0-9a-f]{32}|probe-.+)")
_DAY = 86_400.0


def temporary_sibling(path: Path) -> Path:
    """Return a unique temporary name beside `path`."""
    return path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")


@contextmanager
def claimed(path: Path, *, is_folder: bool = False) -> Iterator[Path]:
    """Make a temporary file or folder, owned in the block.

    It lies beside `path`. The block may rename or remove it.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        temporary = temporary_sibling(path)
        descriptor = _made(temporary, is_folder=is_folder)
        if _is_locked_here(descriptor, temporary):
            break
        os.close(descriptor)  # taken for remains between two of our steps
    try:
        yield temporary
    finally:
        os.close(descriptor)


def lasting_folder() -> Path:
    """Return the temporary folder that no search removes."""
    return Path(os.environ.get(LASTING) or tempfile.gettempdir())


def remove_remains(*folders: Path) -> None:
    """Remove what killed processes left under temporary names.

    Files of running processes stay, and files of others do too. On a file system without locks only remains of a day
    ago go. What cannot be removed stays.
    """
    for folder in folders:
        with suppress(OSError):
            for entry in os.scandir(folder):
                if _OURS.fullmatch(entry.name) and not entry.is_symlink():
                    _remove_if_abandoned(Path(entry.path))


def _made(temporary: Path, *, is_folder: bool) -> int:
    if is_folder:
        temporary.mkdir(parents=True)
        return os.open(temporary, os.O_RDONLY)
    return os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)


def _is_locked_here(descriptor: int, temporary: Path) -> bool:
    """Lock an open file; False if it was removed meanwhile."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.stat(temporary).st_ino == os.fstat(descriptor).st_ino  # noqa: PTH116  as fstat
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks
        return True


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        status = path.stat()
        if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            if _is_abandoned(descriptor, status.st_mtime):
                shutil.rmtree(path) if stat.S_ISDIR(status.st_mode) else path.unlink()
        finally:
            os.close(descriptor)


def _is_abandoned(descriptor: int, changed: float) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - changed > _DAY
    return True
