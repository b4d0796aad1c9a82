"""Events, ledgers and plans for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tune_asr.config.sections import Config
from tune_asr.record.event_lines import parse
from tune_asr.record.events import Event
from tune_asr.record.folder import ResultsFolder
from tune_asr.search.search import Search
from tune_asr.space.plan import from_values

_TIMES = {"time", "seconds", "train_seconds", "val_seconds"}
_STORY = ("created", "report", "decision", "pruned", "finished", "diverged", "failed")
_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "search_started": {"slots": 1},
    "search_ended": {"status": "finished"},
    "created": {"params": {}, "seed": 1},
    "report": {
        **dict.fromkeys(("val_wer", "val_cer", "val_loss", "objective", "seconds")),
        "epoch": 1,
        "last": False,
    },
    "decision": {"epoch": 1, "value": 0.5, "verdict": "continue"},
}


def event(kind: str, **fields: Any) -> Event:
    """Make an event, with values for the fields that are required and not given."""
    trial = {} if kind.startswith("search_") or kind in ("plan", "closing") else {"trial": "00000"}
    return parse({"event": kind, **trial, **_NEEDED.get(kind, {}), **fields})


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a ledger as they are on the disk, without a torn last one."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def story(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of a ledger without times and ends of processes, which interruptions change."""
    return [{k: v for k, v in line.items() if k not in _TIMES} for line in lines if line["event"] in _STORY]


def planned(num_trials: int) -> Search:
    """Make a search with rungs at 3 and 9 of 27 epochs, without files."""
    space = {
        "param_space": {},
        "search": {"num_samples": num_trials},
        "asha": {"grace_period": 3, "reduction_factor": 3, "max_t": 27},
    }
    config = Config.model_validate({"trainer": {"max_epochs": 27}})
    return Search(ResultsFolder(Path()), from_values(space, config.model_dump(), "test"), "val_wer", {})
