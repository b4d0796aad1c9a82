"""Processes started by this one, and theirs, from /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def kill_descendants(spared: Collection[int]) -> None:
    """Kill descendants, parents first.

    In this order no parent can replace a dead child.

    Args:
        spared: ids to leave alone, with all below them.
    """
    for pid in descendants(spared):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def descendants(spared: Collection[int] = ()) -> list[int]:
    """Return the ids of descendants, parents before children.

    Processes that have lost their parent are missing: Linux makes them children of the init process.

    Args:
        spared: ids to leave out, with all below them.
    """
    found = [os.getpid()]
    for pid in found:
        with suppress(OSError):  # the process has ended meanwhile
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with suppress(OSError):  # the thread has
                    children = map(int, (thread / "children").read_text(encoding="ascii").split())
                    found += [child for child in children if child not in spared]
    return found[1:]
