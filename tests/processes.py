"""Processes that must end."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path


def assert_gone(living: Callable[[], Collection[object]], seconds: float = 120) -> None:
    """Wait until `living` finds no process any more."""
    end = time.monotonic() + seconds
    while (left := living()) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left


def with_variable(assignment: str) -> list[str]:
    """Return processes with `assignment` in their environment, by id and command."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or belongs to another user
            if assignment.encode() in path.read_bytes().split(b"\0"):
                found.append(f"{path.parent.name} {(path.parent / 'cmdline').read_bytes()[:99]!r}")
    return found


def listening(pids: Collection[int]) -> list[str]:
    """Return the addresses on which processes accept connections."""
    sockets = set()
    for pid in pids:
        with suppress(OSError):
            sockets |= {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    found = set()
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        found |= {_address(row[1]) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}
    return sorted(found)


def _address(field: str) -> str:
    """Return an address from a table of the kernel, whose words are in the machine's order."""
    words = bytes.fromhex(field.partition(":")[0])
    data = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    address = ipaddress.ip_address(data)
    return str(getattr(address, "ipv4_mapped", None) or address)


def still_alive(pids: Collection[int]) -> list[int]:
    """Return those of `pids` that run and are not zombies."""
    alive = []
    for pid in pids:
        with suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                alive.append(pid)
    return alive
