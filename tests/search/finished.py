"""Resume of a finished search through the command, and the files that it makes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from tune_asr.search import __main__ as door


def emptied(folder: Path) -> None:
    """Leave nothing in a folder."""
    shutil.rmtree(folder)
    folder.mkdir()


def replaced_by_a_file(folder: Path) -> None:
    """Put an empty file in the place of a folder."""
    shutil.rmtree(folder)
    folder.touch()


def resume(root: Path, capsys: pytest.CaptureFixture[str], *flags: str, expect: int = 0) -> str:
    """Resume a search; return what is printed, on stderr if another exit code than 0 is expected."""
    assert door.main(["--resume", str(root), *flags]) == expect
    captured = capsys.readouterr()
    return captured.err if expect else captured.out


def table(root: Path) -> list[tuple[str, str]]:
    """Return trial and checkpoint of each row of the leaderboard."""
    with (root / "leaderboard.csv").open(newline="") as file:
        return [(row["trial"], row["checkpoint"]) for row in csv.DictReader(file)]


def best(root: Path) -> tuple[str, int] | None:
    """Return trial and epoch of the best by summary.json."""
    found = json.loads((root / "summary.json").read_text())["best"]
    return found and (found["trial"], found["epoch"])
