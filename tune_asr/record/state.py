"""State of a search: its trials, rebuilt from the ledger.

The live search and the replay of its ledger use one method, `SearchState.apply`, so they cannot disagree.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tune_asr.config.scalars import shown
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.record.changes import Changes
from tune_asr.record.events import Created, Decision, Event, Report
from tune_asr.record.ledger import iter_ledger, repair_hint
from tune_asr.record.search_events import Closing, Planned, SearchEnded, SearchStarted, Stopped, Warmed, WaveOpened
from tune_asr.record.stages import Stages
from tune_asr.record.trial import FINAL, STATUSES, Trial


@dataclass(slots=True)
class SearchState:
    """All trials of a search, and the search itself."""

    trials: dict[str, Trial] = field(default_factory=dict)
    """Trials by number, in order."""
    status: str = "interrupted"
    """`running` from `search_started` on, then the status of `search_ended`."""
    address: str | None = None
    """Address of its last Ray, `local` for a Ray of its own."""
    slots: int | None = None
    """Number of trials that run at the same time."""
    planned: Planned | None = None
    """Extent of the search; None in a ledger of release 0.1.0."""
    stages: Stages = field(default_factory=Stages)
    """Trials by horizon: those of the search, then those with a longer one."""
    changes: Changes = field(default_factory=Changes)
    """Content of search.yaml at the start, and its changes."""
    closing: Closing | None = None
    """End of new trials by the time budget."""
    warm: list[Warmed] = field(default_factory=list, repr=False)
    """Scores of an earlier search, in the order of the ledger."""
    reports: list[Report] = field(default_factory=list, repr=False)
    """Reports of all trials, in the order of the ledger."""
    wall_seconds: float = 0.0
    """Seconds from each start of the search to its last event, summed."""
    before_seconds: float = 0.0
    """Seconds from each command to the start of the search, summed."""
    _last_time: datetime | None = field(default=None, repr=False)

    @classmethod
    def read(cls, ledger: Path) -> SearchState:
        """Read the state from a ledger. Writes nothing.

        Raises:
            StorageError: the ledger is missing or damaged; the line is named.
        """
        was_collecting = gc.isenabled()
        gc.disable()  # a ledger makes many objects and no cycles
        try:
            return cls.replay(iter_ledger(ledger), str(ledger))
        finally:
            if was_collecting:
                gc.enable()

    @classmethod
    def replay(cls, events: Iterable[Event], source: str = "trials.jsonl") -> SearchState:
        """Return the state after `events`, the lines of `source`.

        Raises:
            StorageError: an event cannot follow the ones before it; its line is named.
        """
        state = cls()
        for line, event in enumerate(events, start=1):
            try:
                state.apply(event)
            except (StorageError, TypeError, ValueError) as error:
                what = f"a {event.event} event cannot follow here: {error}"
                raise StorageError(Problem(f"{source}:{line}", what, repair_hint(source, line))) from error
        return state

    def apply(self, event: Event) -> None:
        """Apply one event.

        Raises:
            StorageError: it cannot follow the ones before it. A report must be of the epoch after the last.
        """
        self._pass_time(event)
        match event:
            case Report():  # the most frequent first
                self._open_trial(event.trial).apply(event)
                self.reports.append(event)
            case Decision():
                self._open_trial(event.trial).apply(event)
            case SearchStarted():
                self.status, self.slots, self.address = "running", event.slots, event.address
                self.before_seconds += event.before_seconds or 0.0
                former = self.changes.apply(event)
                for trial in self.trials.values():
                    trial.former = {**former, **trial.former}
            case SearchEnded():
                self.status = event.status
            case Planned():
                self.planned, self.closing = event, None
                self.stages.take(event)
            case WaveOpened():
                self.stages.now.waves.append(event)
                self.stages.now.reports_before.append(len(self.reports))
            case Closing():
                self.closing = event
            case Stopped():
                self.stages.now.stopped = event
            case Warmed():
                self.warm.append(event)
            case Created():
                self._create(event)
            # An event that may follow the end of its trial belongs here: `_open_trial` refuses a trial that is over.
            case _:
                self._open_trial(event.trial).apply(event)

    @property
    def used_seconds(self) -> float:
        """Seconds of the time budget used so far."""
        return self.before_seconds + self.wall_seconds

    @property
    def waves(self) -> list[WaveOpened]:
        """Waves so far of the current stage."""
        return self.stages.now.waves

    @property
    def stopped(self) -> Stopped | None:
        """End of new trials by `search.stop`."""
        return self.stages.first.stopped

    @property
    def num_drawn(self) -> int:
        """Trials drawn from the space."""
        return len(self.stages.first.trials)

    @property
    def drawn(self) -> list[Trial]:
        """Trials drawn from the space, by number."""
        return [trial for trial in self.trials.values() if trial.is_drawn]

    @property
    def epochs(self) -> int:
        """Epochs of all trials."""
        return sum(trial.epoch for trial in self.trials.values())

    @property
    def seconds(self) -> float:
        """Seconds of slots spent on epochs, over all trials."""
        return sum(trial.seconds for trial in self.trials.values())

    def open_trials(self) -> list[Trial]:
        """Return the trials without an end, by number."""
        return [trial for trial in self.trials.values() if trial.status not in FINAL]

    def counts(self) -> dict[str, int]:
        """Return the number of trials in each state."""
        counts = dict.fromkeys(STATUSES, 0)
        for trial in self.trials.values():
            counts[trial.status] += 1
        return counts

    def _pass_time(self, event: Event) -> None:
        if event.time is None:
            return
        time = datetime.fromisoformat(event.time)
        # A clock that is set back must not take away time that has passed.
        if self._last_time and self._last_time < time and not isinstance(event, SearchStarted):
            self.wall_seconds += (time - self._last_time).total_seconds()
        self._last_time = time

    def _create(self, event: Created) -> None:
        following = f"{len(self.trials):05d}"
        if event.trial != following:
            raise StorageError(f"trial {event.trial} is created, but {following} is the next number")
        stage = self.stages.index
        self.trials[event.trial] = Trial(
            event.trial,
            dict(event.params),
            event.seed,
            is_base=bool(event.base),
            finalist_of=event.finalist_of,
            repeats=event.continues_setting_of,
            stage=stage,
            horizon=self.stages.now.horizon if stage else None,
        )
        if event.finalist_of is None:
            self.stages.now.trials.append(event.trial)

    def _open_trial(self, number: str) -> Trial:
        trial = self.trials.get(number)
        if trial is None:
            raise StorageError(f"trial {number} was never created")
        if trial.status in FINAL:
            raise StorageError(f"trial {number} is over: it is {trial.status}")
        return trial


def find_trial(state: SearchState, text: str, flag: str) -> Trial:
    """Find a trial by its number, leading zeros optional.

    Args:
        state: state of the search.
        text: value of the flag.
        flag: name of the flag, for the message.

    Raises:
        ConfigError: the value is not the number of a trial.
    """
    trial = state.trials.get(text.zfill(5)) if text.isascii() and text.isdigit() else None
    if trial is None:
        there = f"has 00000 to {len(state.trials) - 1:05d}" if state.trials else "has no trial yet"
        raise ConfigError(f"{flag} is {shown(text)}, but must be the number of a trial, and the search {there}")
    return trial
