"""The processes that this one has started, and those that they have: Linux keeps the list."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def kill_descendants() -> None:
    """Kill them all, parents before their children, so that nobody replaces a child that has died."""
    for pid in descendants():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants() -> list[int]:
    """Their ids, parents before children. What has lost its parent is missing: it is a child of nobody here."""
    found = [os.getpid()]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):  # it has ended meanwhile
                found += map(int, children.read_text(encoding="ascii").split())
    return found[1:]
