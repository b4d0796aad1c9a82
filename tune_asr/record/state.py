"""Where a search stands: the trials, and what became of each, as the ledger tells it.

The live search and the replay of its ledger go through the one method `SearchState.apply`, so they
cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tune_asr.config.scalars import shown
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.record.events import (
    Created,
    Decision,
    Ended,
    Event,
    Paused,
    Report,
    Resumed,
    SearchEnded,
    SearchStarted,
    Started,
)
from tune_asr.record.ledger import iter_ledger, repair_hint

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
    reports: list[Report] = field(default_factory=list)
    """The `report` events, one an epoch: epoch e stands at index e - 1."""
    decisions: list[Decision] = field(default_factory=list)
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
        return any(decision.control for decision in self.decisions)

    @property
    def epoch(self) -> int:
        """The last epoch reported, 0 before the first."""
        return len(self.reports)

    @property
    def seconds(self) -> float:
        """The time its epochs took, in seconds of one slot."""
        return sum(report.seconds or 0.0 for report in self.reports)


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
    reports: list[Report] = field(default_factory=list, repr=False)
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
        return cls.replay(iter_ledger(ledger), str(ledger))

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
            except (StorageError, TypeError, ValueError) as error:
                what = f"no {event.event} event can stand here: {error}"
                raise StorageError(Problem(f"{source}:{line}", what, repair_hint(source, line))) from error
        return state

    def apply(self, event: Event) -> None:
        """Let one event happen.

        Raises:
            StorageError: it cannot follow the ones before it. A report must be of the epoch after the last.
        """
        self._pass_time(event)
        match event:
            case SearchStarted():
                self.status, self.slots, self.address = "running", event.slots, event.address
            case SearchEnded():
                self.status = event.status
            case Created():
                self._create(event)
            case _:
                self._change(self._open_trial(event.trial), event)

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
        if event.time is None:
            return
        time = datetime.fromisoformat(event.time)
        if self._last_time and not isinstance(event, SearchStarted):
            # A clock that is set back must not take away time that has passed.
            self.wall_seconds += max(0.0, (time - self._last_time).total_seconds())
        self._last_time = time

    def _create(self, event: Created) -> None:
        following = f"{len(self.trials):05d}"
        if event.trial != following:
            raise StorageError(f"trial {event.trial} is created where {following} is the next number")
        self.trials[event.trial] = Trial(event.trial, dict(event.params), event.seed)

    def _open_trial(self, number: str) -> Trial:
        trial = self.trials.get(number)
        if trial is None:
            raise StorageError(f"trial {number} was never created")
        if trial.status in FINAL:
            raise StorageError(f"trial {number} is over: it is {trial.status}")
        return trial

    def _change(self, trial: Trial, event: Started | Resumed | Paused | Report | Decision | Ended) -> None:
        match event:
            case Started() | Resumed():
                trial.status, trial.cause = "running", None
            case Paused():
                trial.status, trial.cause = "paused", event.cause
                if event.retry is not None:
                    trial.retries += 1
                    trial.deaths.append(event.cause or "")
            case Report():
                following = trial.epoch + 1
                if event.epoch != following:
                    raise StorageError(f"trial {trial.number} reports epoch {event.epoch}, but {following} is the next")
                trial.reports.append(event)
                self.reports.append(event)
                trial.deaths.clear()
            case Decision():
                if event.epoch != trial.epoch:
                    what = f"trial {trial.number} is judged at epoch {event.epoch}, but is at {trial.epoch}"
                    raise StorageError(what)
                trial.decisions.append(event)
            case Ended():
                trial.status, trial.cause = event.event, event.cause


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
