"""Where a search stands: the trials, and what became of each, as the ledger tells it.

The events, in the ledger's words:

    search_started {pid, host, address, slots, resumed} · search_ended {status}
    created {trial, params, seed} · started · report {epoch, val_wer, …}
    decision {rung, epoch, value, cutoff, verdict, control} · paused {epoch, cause, retry} · resumed {epoch, cause}
    finished | pruned | diverged | failed {cause}

The live search and the replay of its ledger go through the one method `SearchState.apply`, so they
cannot disagree.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tune_asr.config.scalars import shown
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.record.events import damage
from tune_asr.record.ledger import Event, iter_ledger, repair_hint

FINAL = ("finished", "pruned", "diverged", "failed")
"""The states that a trial never leaves. Each is the name of the event that leads to it."""

STATUSES = ("pending", "running", "paused", *FINAL)


@dataclass(slots=True)
class Trial:
    """One setting, and how far its training has come."""

    number: str
    """Five digits, from 00000: also the name of its folders."""
    params: dict[str, Any]
    """The searched values, by their path into the configuration."""
    seed: int
    status: str = "pending"
    reports: list[dict[str, Any]] = field(default_factory=list)
    """The `report` events, one an epoch: epoch e stands at index e - 1."""
    decisions: list[dict[str, Any]] = field(default_factory=list)
    """The `decision` events of the scheduler."""
    retries: int = 0
    """How many times its process died and it was started again."""
    deaths: list[str] = field(default_factory=list)
    """Why it did, each time since its last epoch."""
    cause: str | None = None
    """Why it ended or paused, where there is more to say than its status."""

    @property
    def is_control(self) -> bool:
        """Whether pruning would have stopped it, and it was trained on to see what pruning loses."""
        return any(decision.get("control") for decision in self.decisions)

    @property
    def epoch(self) -> int:
        """The last epoch reported, 0 before the first."""
        return len(self.reports)

    @property
    def seconds(self) -> float:
        """The time its epochs took, in seconds of one slot."""
        return sum(report.get("seconds") or 0.0 for report in self.reports)


@dataclass(slots=True)
class SearchState:
    """All trials of a search, and the search itself."""

    trials: dict[str, Trial] = field(default_factory=dict)
    """By number, in order."""
    status: str = "interrupted"
    """`running` from a `search_started`; then what `search_ended` says: `finished` or `interrupted`."""
    address: str | None = None
    """Of the Ray that it ran on last, `local` for one of its own."""
    slots: int | None = None
    """How many trials run at the same time."""
    reports: list[dict[str, Any]] = field(default_factory=list, repr=False)
    """The `report` events of all trials, in the order in which they came."""
    wall_seconds: float = 0.0
    """From each start of the search to its last event, summed: the time while nothing ran is left out."""
    _last_time: datetime | None = field(default=None, repr=False)

    @classmethod
    def read(cls, ledger: Path) -> SearchState:
        """The state that a ledger tells. Writes nothing.

        Raises:
            StorageError: there is no ledger, or it is damaged; the line is named.
        """
        return cls.replay(_sound_events(ledger), str(ledger))

    @classmethod
    def replay(cls, events: Iterable[Event], source: str = "trials.jsonl") -> SearchState:
        """The state after `events`, which are the lines of the ledger `source`.

        Raises:
            StorageError: an event cannot follow the ones before it; its line is named.
        """
        state = cls()
        for line, event in enumerate(events, start=1):
            try:
                state.apply(event)
            except (StorageError, KeyError, TypeError, ValueError) as error:
                what = f"no {event['event']} event can stand here: {error}"
                raise StorageError(Problem(f"{source}:{line}", what, repair_hint(source, line))) from error
        return state

    def apply(self, event: Event) -> None:
        """Let one event happen.

        Raises:
            StorageError: it cannot follow the ones before it. A report must be of the epoch after the last.
        """
        self._pass_time(event)
        if "trial" in event:
            self._apply_to_trial(event)
        elif event["event"] == "search_started":
            self.status, self.slots, self.address = "running", event["slots"], event.get("address")
        elif event["event"] == "search_ended":
            self.status = event["status"]
        else:
            raise StorageError("this version of tune_asr does not know it")

    @property
    def epochs(self) -> int:
        """Epochs trained, over all trials."""
        return sum(trial.epoch for trial in self.trials.values())

    @property
    def seconds(self) -> float:
        """Seconds of slots spent on epochs, over all trials."""
        return sum(trial.seconds for trial in self.trials.values())

    def open_trials(self) -> list[Trial]:
        """The trials that have not come to an end, in order of their number."""
        return [trial for trial in self.trials.values() if trial.status not in FINAL]

    def counts(self) -> dict[str, int]:
        """How many trials are in each state, all seven states named."""
        counts = dict.fromkeys(STATUSES, 0)
        for trial in self.trials.values():
            counts[trial.status] += 1
        return counts

    def _pass_time(self, event: Event) -> None:
        if "time" not in event:
            return
        time = datetime.fromisoformat(event["time"])
        if self._last_time and event["event"] != "search_started":
            # A clock that is set back must not take away time that has passed.
            self.wall_seconds += max(0.0, (time - self._last_time).total_seconds())
        self._last_time = time

    def _apply_to_trial(self, event: Event) -> None:
        name, number = event["event"], event["trial"]
        if name == "created":
            following = f"{len(self.trials):05d}"
            if number != following:
                raise StorageError(f"trial {number} is created where {following} is the next number")
            self.trials[number] = Trial(number, dict(event["params"]), event["seed"])
            return
        trial = self.trials.get(number)
        if trial is None:
            raise StorageError(f"trial {number} was never created")
        if trial.status in FINAL:
            raise StorageError(f"trial {number} is over: it is {trial.status}")
        if name in FINAL:
            trial.status, trial.cause = name, event.get("cause")
        elif name in ("started", "resumed"):
            trial.status, trial.cause = "running", None
        elif name == "paused":
            trial.status, trial.cause = "paused", event.get("cause")
            if "retry" in event:
                trial.retries += 1
                trial.deaths.append(event["cause"])
        elif name == "report":
            if event["epoch"] != trial.epoch + 1:
                raise StorageError(f"trial {number} reports epoch {event['epoch']} where {trial.epoch + 1} is the next")
            # The parser makes every key anew; those of a hundred thousand reports are most of their memory.
            trial.reports.append({sys.intern(key): value for key, value in event.items()})
            self.reports.append(trial.reports[-1])
            trial.deaths.clear()
        elif name == "decision":
            if event["epoch"] != trial.epoch:
                raise StorageError(f"trial {number} is judged at epoch {event['epoch']}, but is at {trial.epoch}")
            trial.decisions.append(dict(event))
        else:
            raise StorageError("this version of tune_asr does not know it")


def find_trial(state: SearchState, text: str, flag: str) -> Trial:
    """The trial that a person names on the command line by its number, with its leading zeros or without.

    Args:
        state: the search.
        text: what stands behind the flag.
        flag: its name, for the message.

    Raises:
        ConfigError: it is no number, or there is no such trial.
    """
    trial = state.trials.get(text.zfill(5)) if text.isascii() and text.isdigit() else None
    if trial is None:
        there = f"has 00000 to {len(state.trials) - 1:05d}" if state.trials else "has no trial yet"
        raise ConfigError(f"{flag} is {shown(text)}, but must be the number of a trial, and the search {there}")
    return trial


def _sound_events(ledger: Path) -> Iterator[Event]:
    for line, event in enumerate(iter_ledger(ledger), start=1):
        if why := damage(event):
            raise StorageError(Problem(f"{ledger}:{line}", f"the line is damaged: {why}", repair_hint(ledger, line)))
        yield event
