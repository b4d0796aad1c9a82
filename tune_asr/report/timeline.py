"""Timeline of the search: the runs of trials in processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tune_asr.record.events import Ended, Event, Paused, Resumed, Started, TrialEvent
from tune_asr.record.search_events import SearchStarted


@dataclass(frozen=True, slots=True)
class Run:
    """A trial in one process, until it ends or pauses."""

    trial: str
    process: str
    """`host:pid`, or "" if it is not in the ledger."""
    start: str
    """ISO 8601, UTC, as `end`."""
    end: str
    ended: str
    """Status at the end: `finished`, `pruned`, `diverged`, `failed` or `paused`.

    `running` if the search still runs, `killed` if its driver died.
    """


def runs(events: Iterable[Event], *, running: bool) -> list[Run]:
    """Return all runs, in the order of their ends.

    A run that was killed with its driver has no end in the ledger: its trial's last event takes that place.

    Args:
        events: events of the ledger.
        running: whether the search still runs.
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
