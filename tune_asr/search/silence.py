"""Workers that say nothing any more.

A hung mount or a stuck call of CUDA ends no process, so Ray never reports it. A worker that is silent for many times
the longest epoch is killed, which is a death like others. A process in the midst of a system call may outlive that:
then its slot is given up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from tune_asr.wording import duration

FIRST_SECONDS = 30 * 60.0
"""Longest silence before the first report of a worker: it reads and surveys the data."""
LEAST_SECONDS = 10 * 60.0
EPOCHS = 10
"""Later the longest silence is this many times the longest epoch of the search."""
DYING_SECONDS = 60.0
"""Time for the end of a killed process."""
_GAP_SECONDS = 5.0
"""Longer gaps between two looks do not count: the driver itself was stopped, and its messages wait."""


@dataclass(frozen=True, slots=True)
class Held:
    """One trial in the hands of a worker."""

    since: float
    """Time of its last word."""
    has_reported: bool = False
    process: str = ""
    """`host:pid`; empty until the worker has given it."""
    node: str = ""
    """Ray's id of its node."""
    killed: float | None = None
    """Time of the kill."""


@dataclass(frozen=True, slots=True)
class TooSilent:
    """Worker that is to be killed, or has outlived that."""

    trial: str
    held: Held
    what: Literal["kill", "give up"]
    seconds: float
    """Length of its silence."""

    @property
    def cause(self) -> str:
        """Cause of the trial's end, for the ledger."""
        name = f"its process {self.held.process}" if self.held.process else "its process"
        end = "killed" if self.what == "kill" else f"it outlives its kill by {duration(DYING_SECONDS)}"
        return f"{name} has said nothing for {duration(self.seconds)}: {end}"


class Silence:
    """Last words of all workers.

    Args:
        minutes: longest silence; `auto` depends on the longest epoch.
        longest_epoch: seconds of the longest epoch so far.
        now: current time in seconds.
    """

    def __init__(self, minutes: float | Literal["auto"], longest_epoch: float, now: float) -> None:
        self._minutes, self._longest_epoch = minutes, longest_epoch
        self._time, self._looked = 0.0, now
        self._held: dict[str, Held] = {}

    def met(self, trial: str, process: str, node: str) -> None:
        """Note a sign of life, with its process."""
        held = self._held.get(trial, Held(self._time))
        self._held[trial] = replace(held, since=self._time, process=process, node=node)

    def heard(self, trial: str, epoch_seconds: float | None = None) -> None:
        """Note a word of a worker.

        Args:
            trial: trial that it trains.
            epoch_seconds: seconds of the epoch that it reports; None for any other word.
        """
        held = self._held.get(trial, Held(self._time))
        is_report = epoch_seconds is not None
        self._held[trial] = replace(held, since=self._time, has_reported=held.has_reported or is_report)
        self._longest_epoch = max(self._longest_epoch, epoch_seconds or 0.0)

    def ended(self, trial: str) -> None:
        """Forget the worker of a trial."""
        self._held.pop(trial, None)

    def look(self, running: Collection[str], now: float) -> list[TooSilent]:
        """Return workers to kill or to give up, each once.

        Args:
            running: trials whose process is up.
            now: current time in seconds.
        """
        self._time += min(now - self._looked, _GAP_SECONDS)
        self._looked = now
        self._held = {trial: self._held.get(trial, Held(self._time)) for trial in running}
        found = [self._judge(trial, held) for trial, held in self._held.items()]
        return [finding for finding in found if finding]

    def _judge(self, trial: str, held: Held) -> TooSilent | None:
        silent = self._time - held.since
        if held.killed is None:
            if silent <= self._limit(held):
                return None
            self._held[trial] = replace(held, killed=self._time)
            return TooSilent(trial, held, "kill", silent)
        if self._time - held.killed <= DYING_SECONDS:
            return None
        return TooSilent(trial, held, "give up", silent)

    def _limit(self, held: Held) -> float:
        if self._minutes != "auto":
            return 60 * self._minutes
        return max(LEAST_SECONDS, EPOCHS * self._longest_epoch) if held.has_reported else FIRST_SECONDS
