"""The processes that this one has started, and those that they have: Linux keeps the list."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def kill_descendants(spared: Collection[int]) -> None:
    """Kill them, parents before their children, so that nobody replaces a child that has died."""
    for pid in descendants(spared):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def descendants(spared: Collection[int] = ()) -> list[int]:
    """Their ids, parents before children, without `spared` and those below them.

    What has lost its parent is missing: it is a child of nobody here, unless this is the init of its container.
    """
    found = [os.getpid()]
    for pid in found:
        with suppress(OSError):  # the process has ended meanwhile
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with suppress(OSError):  # the thread has
                    children = map(int, (thread / "children").read_text(encoding="ascii").split())
                    found += [child for child in children if child not in spared]
    return found[1:]
