"""File system made read-only during a test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def own_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Yield a new file system, and a function to protect it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")

    def make_read_only() -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

    yield disk, make_read_only
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
