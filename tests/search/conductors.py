"""Conductor on a real ledger, without Ray."""

from __future__ import annotations

from typing import Any

from tests.ledgers import event, read_lines
from tune_asr.config.sections import Config
from tune_asr.record.events import Event
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import Ledger
from tune_asr.record.state import SearchState
from tune_asr.search.conductor import Conductor
from tune_asr.search.keeping import FolderKeeping
from tune_asr.search.search import Search
from tune_asr.space.plan import from_values


def conductor_of(
    folder: ResultsFolder,
    searched: dict[str, Any] | None = None,
    num_samples: int = 3,
    controls: int = 0,
    **sections: Any,
) -> Conductor:
    """Make the conductor of a search of four epochs with rungs at 1 and 2, from the start or as a resume does."""
    space = {
        "param_space": searched or {"optimizer.lr": {"uniform": [0.001, 0.01]}},
        "search": {"num_samples": num_samples},
        "asha": {"grace_period": 1, "reduction_factor": 2, "max_t": 4, "controls": controls},
    }
    plan = from_values(space, Config(**sections).model_dump(), "test")
    state, ledger = SearchState.read(folder.ledger), Ledger.open(folder.ledger)
    keeping = FolderKeeping(folder, "val_wer")
    return Conductor(Search(folder, plan, "val_wer", {}), ledger, state, lambda event: None, keeping)


def report(epoch: int, objective: float = 0.5, last: bool = False, trial: str = "00000") -> Event:
    """Make the report of an epoch whose scores are all the same."""
    names = ("val_wer", "val_cer", "val_loss", "objective", "train_seconds", "val_seconds", "seconds")
    values = dict.fromkeys(names, objective) | {"checkpoint": f"epoch_{epoch:03d}"}
    return event("report", trial=trial, epoch=epoch, last=last, **values)


def kinds(folder: ResultsFolder) -> list[str]:
    """Return the kinds of the events in a ledger."""
    return [line["event"] for line in read_lines(folder.ledger)]
