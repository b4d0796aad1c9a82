"""One trial of a search, rebuilt from its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tune_asr.errors import StorageError
from tune_asr.record.events import Decision, Ended, Paused, Report, Resumed, Started

FINAL = ("finished", "pruned", "diverged", "failed")
"""Final states of a trial, each named after its event."""

AT_RUNG = "rung"
"""Cause of a pause at a rung."""

OUT_OF_TIME = "time"
"""Cause of a pause because the time budget is spent."""

STATUSES = ("pending", "running", "paused", *FINAL)


@dataclass(slots=True)
class Trial:
    """One setting, and the progress of its training."""

    number: str
    """Five digits, from 00000; also the name of its folders."""
    params: dict[str, Any]
    """Searched values, by their path into the configuration."""
    seed: int
    status: str = "pending"
    reports: list[Report] = field(default_factory=list)
    """Reports of its epochs; that of epoch e has index e - 1."""
    decisions: list[Decision] = field(default_factory=list)
    """Verdicts of ASHA, in order."""
    excess: Decision | None = None
    """Verdict on a trial beyond one of `search.limits`; the base is trained on nevertheless."""
    retries: int = 0
    """Number of restarts after its process died."""
    deaths: list[str] = field(default_factory=list)
    """Causes of these deaths since its last epoch."""
    has_died_training: bool = False
    """True if one of these deaths came after the training had begun."""
    hosts: list[str] = field(default_factory=list)
    """Machines that have trained it, the newest last."""
    cause: str | None = None
    """Cause of its end or pause, beyond its status."""
    of_setting: bool = False
    """True if it failed because of its setting."""
    is_base: bool = False
    """True for the base configuration, which is never pruned."""
    finalist_of: str | None = None
    """Trial whose setting this finalist trains with a fresh seed."""
    repeats: str | None = None
    """Trial whose setting it trains again, with a longer horizon."""
    stage: int = 0
    """Index of its stage."""
    horizon: int | None = None
    """Last epoch of its own, above that of the search; None: that of the search."""
    former: dict[str, Any] = field(default_factory=dict)
    """Keys of the base that were changed since it was created, with their values before."""

    @property
    def is_drawn(self) -> bool:
        """True if neither finalist nor repetition."""
        return self.finalist_of is None and self.repeats is None

    @property
    def settings(self) -> dict[str, Any]:
        """Values to lay over the base of the search."""
        return {**self.former, **self.params}

    @property
    def is_control(self) -> bool:
        """True if it continued as a control, against pruning."""
        return any(decision.control for decision in self.decisions)

    @property
    def is_beyond_limit(self) -> bool:
        """True if it is larger or slower than `search.limits` allow."""
        return self.excess is not None

    @property
    def rtf(self) -> float | None:
        """Real-time factor of its decoding, None if not recorded."""
        return self.reports[0].rtf if self.reports else None

    @property
    def waits(self) -> bool:
        """True while it is paused at a rung."""
        return self.status == "paused" and self.cause == AT_RUNG

    @property
    def rests(self) -> bool:
        """True while paused in a way with which searches end."""
        return self.status == "paused" and self.cause in (AT_RUNG, OUT_OF_TIME)

    @property
    def epoch(self) -> int:
        """Last reported epoch, 0 before the first."""
        return len(self.reports)

    @property
    def num_parameters(self) -> int | None:
        """Number of parameters of its model, None if not recorded."""
        return self.reports[0].num_parameters if self.reports else None

    @property
    def seconds(self) -> float:
        """Seconds of a slot spent on its epochs."""
        return sum(report.seconds or 0.0 for report in self.reports)

    def apply(self, event: Started | Resumed | Paused | Report | Decision | Ended) -> None:
        """Apply an event after its creation.

        Raises:
            StorageError: the event cannot follow the ones before it.
        """
        match event:  # the most frequent first
            case Report():
                following = self.epoch + 1
                if event.epoch != following:
                    raise StorageError(f"trial {self.number} reports epoch {event.epoch}, but {following} is the next")
                self.reports.append(event)
                self.deaths.clear()
                self.has_died_training = False
            case Decision():
                self._decide(event)
            case Started() | Resumed():
                self.status, self.cause = "running", None
                self._is_at((event.process or "").rpartition(":")[0])
            case Paused():
                if event.retry is not None:
                    self.retries += 1
                    self.deaths.append(event.cause or "")
                    self.has_died_training |= self.status == "running"
                self.status, self.cause = "paused", event.cause
            case Ended():
                self.status, self.cause, self.of_setting = event.event, event.cause, bool(event.of_setting)

    def _is_at(self, host: str) -> None:
        if host:
            self.hosts = [*(other for other in self.hosts if other != host), host]

    def _decide(self, decision: Decision) -> None:
        if decision.epoch != self.epoch:
            what = f"trial {self.number} is judged at epoch {decision.epoch}, but is at {self.epoch}"
            raise StorageError(what)
        if decision.limit:
            self.excess = decision
        else:
            self.decisions.append(decision)
