"""A search as a user runs it, in a folder that is gone afterwards, and what its ledger says about time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.ledgers import read_lines

REPOSITORY = Path(__file__).parents[2]

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """`began`: when the command was given, in seconds since 1970, as all times here."""

    began: float
    events: Sequence[Event]


def run_search(space: Mapping[str, Any], **environment: str) -> Run:
    """Search `space` over configs/train.yaml to the end, without caches of earlier runs."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "space.yaml")
        path.write_text(yaml.safe_dump({"config": str(REPOSITORY / "configs/train.yaml"), **space}), encoding="utf-8")
        began = time.time()
        run_python("-m", "tune_asr.search", "--space", str(path), "--results", folder, TMPDIR=folder, **environment)
        return Run(began, read_lines(Path(folder, "space", "trials.jsonl")))


def run_python(*arguments: str, code: int = 0, **environment: str) -> None:
    """Run Python in the repository; it must end with the exit code `code`, else what it said on stderr is shown."""
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if ended.returncode != code:
        raise SystemExit(f"{' '.join(arguments)}: exit code {ended.returncode}\n{ended.stderr}")


def when(event: Event) -> float:
    """The time of an event."""
    return datetime.fromisoformat(event["time"]).timestamp()


def first_steps(events: Sequence[Event]) -> dict[str, float]:
    """When each trial's first step began: its first report, less the seconds of that epoch.

    The report stands in the ledger once its checkpoint is written, so this is some milliseconds late, never early.
    """
    return {
        event["trial"]: when(event) - event["seconds"]
        for event in events
        if event["event"] == "report" and event["epoch"] == 1
    }
