"""Doors of Ray that stay closed: its network, its files, and secrets in them.

A local Ray listens on the loopback interface, and its sockets and logs lie in a folder that other users cannot enter.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tune_asr.errors import ClusterError

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Variable of a local Ray, whose node then has the address 127.0.0.1, as on macOS: its servers listen there alone."""
_SOCKET_BYTES = 107
_OF_RAY = len("/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store")
_INSIDE = "ray"
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")
_SECRET = re.compile("AWS_|KEY|TOKEN|SECRET|PASS", re.IGNORECASE)


def folder_of_ray() -> Path:
    """Return a folder for a local Ray's sockets and logs.

    It lies in a folder of this user's, with mode 0700: Ray itself opens its own folders to everybody. It is that of
    RAY_TMPDIR or TMPDIR, or another one if paths of sockets would be too long there.

    Raises:
        ClusterError: no such folder can be made, or only with a path that is too long.
    """
    asked = [Path(os.environ["RAY_TMPDIR"]).resolve()] if os.environ.get("RAY_TMPDIR") else []
    candidates = [*asked, Path(tempfile.gettempdir()), *map(Path, _SHORT)]
    for folder in candidates:
        closed = folder / f"tune_asr-{os.getuid()}-ray"
        inside = closed / _INSIDE
        if len(os.fsencode(inside)) + _OF_RAY <= _SOCKET_BYTES and _close(closed):
            return inside
    longest = _SOCKET_BYTES - _OF_RAY - len(f"/tune_asr-{os.getuid()}-ray/{_INSIDE}")
    raise ClusterError(
        f"a local Ray needs a folder for its sockets, but none of {', '.join(map(str, candidates))} can be used",
        hint=f"Set TMPDIR to a writable folder whose path has {longest} bytes at most.",
    )


def close_sessions(inside: Path) -> None:
    """Close Ray's own folders to other users."""
    for folder in (inside, *_sessions(inside)):
        with suppress(OSError):
            folder.chmod(0o700)


def keep_secrets() -> None:
    """Keep Tune from passing secrets on to Ray.

    Tune gives each actor the driver's `AWS_*` in a runtime environment, which Ray writes into its logs. Workers of a
    local Ray inherit them all the same.
    """
    with suppress(ImportError, AttributeError):
        from ray.tune.execution import class_cache

        names = class_cache.ENV_VARS_TO_PROPAGATE
        names.difference_update([name for name in names if _SECRET.search(name)])


def _sessions(inside: Path) -> Iterator[Path]:
    yield from (path for path in inside.glob("session_2*") if not path.is_symlink())


def _close(folder: Path) -> bool:
    """Make a folder for this user; False if impossible."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():  # planted
            return False
        folder.chmod(0o700)
        return os.access(folder, os.W_OK)
    except OSError:
        return False
