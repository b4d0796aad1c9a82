"""Ledger and keeper of a search that writes no files."""

from __future__ import annotations

from dataclasses import dataclass, field

from tune_asr.record.event_lines import parse
from tune_asr.record.events import Event, Report
from tune_asr.record.ledger import as_written
from tune_asr.record.trial import Trial


@dataclass(slots=True)
class MemoryLedger:
    """Ledger that is never on a disk."""

    events: list[Event] = field(default_factory=list)

    def append(self, *events: Event) -> list[Event]:
        """Return the events as they would be read back."""
        written = [parse(as_written(event)) for event in events]
        self.events += written
        return written


@dataclass(slots=True)
class NothingKept:
    """Keeper of checkpoints where none are written."""

    width: float | None = None
    """Half of every paired interval; without one a search never stops early."""

    def settle(self, trial: Trial, newest: int | None = None) -> None:
        """Do nothing."""

    def rest(self, trial: Trial) -> None:
        """Do nothing."""

    def catch_up(self) -> None:
        """Do nothing."""

    def half_width(self, first: Report, second: Report) -> float | None:
        """Return the width that was given: there are no utterances."""
        return self.width
