"""Searches on recorded curves, event by event in simulated time.

Each slot trains one trial; an epoch takes the seconds that it took when the table was recorded. Whoever searches, the
engine or a peer, is a `Searcher`: it hands out trials and judges each epoch.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.benchmarks.tables import Curve, Table


@dataclass(slots=True)
class Job:
    """Trial in a slot: the row of its curve, and the epochs it has behind it."""

    trial: str
    row: int
    epoch: int


class Searcher(Protocol):
    """Search that is driven from outside, one message at a time."""

    def take(self) -> Job | None:
        """Return a trial for a free slot, None if there is none now."""

    def report(self, job: Job, curve: Curve) -> bool:
        """Take the report of epoch `job.epoch`; return whether the trial stays in its slot."""

    def diverged(self, job: Job) -> None:
        """Take the end of a trial whose next epoch is not finite."""


@dataclass(slots=True)
class Outcome:
    """Epochs that a search has trained."""

    table: Table
    trials: int
    epochs: dict[int, int] = field(default_factory=dict)
    """Last epoch of each row that was tried."""
    best: list[float] = field(default_factory=list)
    """Lowest error rate after each epoch of the search."""
    seconds: float = 0.0
    """Simulated time to the end."""
    busy: float = 0.0
    """Seconds of slots spent on epochs."""

    def add(self, job: Job, curve: Curve) -> None:
        """Count an epoch."""
        self.epochs[job.row] = max(self.epochs.get(job.row, 0), job.epoch)
        lowest = self.best[-1] if self.best else float("inf")
        self.best.append(min(lowest, curve.best(self.table.metric, job.epoch)))
        self.busy += curve.seconds[job.epoch - 1]

    @property
    def spent(self) -> int:
        """Epochs of all trials."""
        return len(self.best)

    @property
    def share(self) -> float:
        """Epochs spent, of those of as many whole trainings."""
        return self.spent / (self.trials * self.table.horizon)

    @property
    def fulls(self) -> float:
        """Epochs spent, in whole trainings."""
        return self.spent / self.table.horizon

    def regret(self, rows: Sequence[int] | None = None) -> float:
        """Return the pick's error rate, less that of the best.

        Args:
            rows: rows among which the best is, each trained to its end; None for the whole table.
        """
        curves = self.table.curves if rows is None else [self.table.curves[row] for row in rows]
        return self.best[-1] - min(curve.best(self.table.metric) for curve in curves)


def simulate(searcher: Searcher, table: Table, trials: int, slots: int = 2) -> Outcome:
    """Run a search to its end.

    Args:
        searcher: search at its start.
        table: curves of its trials.
        trials: number of trials that it may take.
        slots: number of trials at the same time.
    """
    outcome, running, free = Outcome(table, trials), list[tuple[float, int, Job]](), list(range(slots))
    now = 0.0

    def train(slot: int, job: Job) -> None:
        # A trial that diverges does so in the epoch after its last report; it takes as long as that one.
        seconds = table.curves[job.row].seconds
        heapq.heappush(running, (now + seconds[min(job.epoch, len(seconds) - 1)], slot, job))

    while True:
        while free and (job := searcher.take()):
            train(heapq.heappop(free), job)
        if not running:
            outcome.seconds = now
            return outcome
        now, slot, job = heapq.heappop(running)
        curve = table.curves[job.row]
        if job.epoch < curve.epochs:
            job.epoch += 1
            outcome.add(job, curve)
            stays = searcher.report(job, curve)
        else:
            searcher.diverged(job)
            stays = False
        if stays:
            train(slot, job)
        else:
            heapq.heappush(free, slot)
