"""Searches on recorded curves, event by event in simulated time.

Each slot trains one trial; an epoch takes the seconds that it took when the table was recorded. Whoever searches, the
engine or a peer, is a `Searcher`: it hands out trials and judges each epoch.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from tests.simulation.curves import Table, Trained


@dataclass(slots=True)
class Job:
    """Trial in a slot."""

    trial: str
    params: Mapping[str, JsonValue]
    epoch: int = 0
    """Epochs behind it."""


class Searcher(Protocol):
    """Search that is driven from outside, one message at a time."""

    def take(self) -> Job | None:
        """Return a trial for a free slot, None if there is none now."""

    def report(self, job: Job, trained: Trained) -> bool:
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

    def add(self, row: int, epoch: int) -> None:
        """Count an epoch."""
        curve = self.table.curves[row]
        self.epochs[row] = max(self.epochs.get(row, 0), epoch)
        lowest = self.best[-1] if self.best else float("inf")
        self.best.append(min(lowest, curve.best(self.table.metric, epoch)))
        self.busy += curve.seconds[epoch - 1]

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
        seconds = table.curves[table.number(job.params)].seconds
        heapq.heappush(running, (now + seconds[min(job.epoch, len(seconds) - 1)], slot, job))

    while True:
        while free and (job := searcher.take()):
            train(heapq.heappop(free), job)
        if not running:
            outcome.seconds = now
            return outcome
        now, slot, job = heapq.heappop(running)
        row = table.number(job.params)
        curve = table.curves[row]
        if job.epoch < curve.epochs:
            job.epoch += 1
            outcome.add(row, job.epoch)
            stays = searcher.report(job, curve.trained(job.epoch, table.metric))
        else:
            searcher.diverged(job)
            stays = False
        if stays:
            train(slot, job)
        else:
            heapq.heappush(free, slot)
