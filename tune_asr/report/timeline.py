"""Which process worked on which trial, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tune_asr.record.events import Ended, Event, Paused, Resumed, SearchStarted, Started, TrialEvent


@dataclass(frozen=True, slots=True)
class Run:
    """A trial in one process, from the end of its set-up until it ended, paused or died."""

    trial: str
    process: str
    """`host:pid`, or "" where the ledger does not say."""
    start: str
    """ISO 8601, UTC, as `end`."""
    end: str
    ended: str
    """`finished`, `pruned`, `diverged`, `failed` or `paused`; `running` where the ledger ends and the search runs;
    `killed` where its driver died, which nobody wrote down."""


def runs(events: Iterable[Event], *, running: bool) -> list[Run]:
    """Every run that the ledger tells of, in the order of their ends; `running`: whether the search runs.

    Of a run that was killed with its driver, nobody wrote the end: it is the trial's last event.
    """
    found: list[Run] = []
    begun: dict[str, tuple[str, str]] = {}
    last: dict[str, str] = {}
    now = ""

    def end(trial: str, time: str, how: str) -> None:
        if trial in begun:
            process, start = begun.pop(trial)
            found.append(Run(trial, process, start, time, how))

    for event in events:
        now = event.time or now
        match event:
            case SearchStarted():
                for number in list(begun):
                    end(number, last[number], "killed")
            case Started() | Resumed():
                begun[event.trial] = (event.process or "", now)
            case Ended() | Paused():
                end(event.trial, now, event.event)
        if isinstance(event, TrialEvent):
            last[event.trial] = now
    for number in list(begun):
        end(number, now if running else last[number], "running" if running else "killed")
    return found
