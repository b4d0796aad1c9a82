"""Counts of a search for its forecasts, kept as it goes.

Reports and new trials since the last call are counted, and trials that have ended leave: a call costs what has changed,
however long the search is.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from statistics import median

from tune_asr.record.events import Report
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, Trial
from tune_asr.space.forecast import Progress

_LATEST = 32
"""Reports whose times are compared."""


class Tally:
    """Epochs, seconds and open trials so far.

    Args:
        state: trials so far, kept up to date by the conductor.
    """

    def __init__(self, state: SearchState) -> None:
        self._state = state
        self.epochs = 0
        """Epochs of all trials."""
        self.seconds = 0.0
        """Seconds of slots spent on epochs, over all trials."""
        self._between = (0, 0.0)  # after so many epochs
        self._reached: dict[int, list[int]] = defaultdict(list)  # by stage
        self._open: dict[int, list[Trial]] = defaultdict(list)  # likewise; those that have ended since are among them
        self._created: dict[int, int] = defaultdict(int)  # likewise

    def catch_up(self) -> None:
        """Count the reports since the last call."""
        reports = self._state.reports
        if self.epochs == len(reports):
            return
        for index in range(self.epochs, len(reports)):
            self._count(reports[index])
        self.epochs = len(reports)

    @property
    def between(self) -> float:
        """Seconds between two epochs of a trial."""
        self.catch_up()
        if self._between[0] != self.epochs:
            self._between = self.epochs, seconds_between(self._state)
        return self._between[1]

    def open(self) -> list[Trial]:
        """Return the trials of this stage without an end."""
        index, numbers = self._state.stages.index, self._state.stages.now.trials
        there = self._open[index]
        there += (self._state.trials[numbers[place]] for place in range(self._created[index], len(numbers)))
        self._created[index] = len(numbers)
        self._open[index] = [trial for trial in there if trial.status not in FINAL]
        return self._open[index]

    def progress(self, horizon: int) -> Progress:
        """Return the trials of this stage, for a forecast."""
        self.catch_up()
        created, reached, there = self.created, self._reached[self._state.stages.index], self.open()
        return Progress(
            created=created,
            reached=reached[:horizon],
            running=[trial.epoch for trial in there if not trial.waits],
            waiting=[trial.epoch for trial in there if trial.waits],
            base=next((trial.epoch for trial in there if trial.is_base), None if created else 0),
        )

    @property
    def created(self) -> int:
        """Trials of this stage."""
        return len(self._state.stages.now.trials)

    def _count(self, report: Report) -> None:
        self.seconds += report.seconds or 0.0
        trial = self._state.trials[report.trial]
        if trial.finalist_of is None:
            reached = self._reached[trial.stage]
            reached += [0] * (report.epoch - len(reached))
            reached[report.epoch - 1] += 1


def seconds_between(state: SearchState) -> float:
    """Return the seconds between two epochs of a trial.

    In them a checkpoint is written. It is the median over the last epochs that followed one another in a process.
    """
    found = []
    for report in state.reports[-_LATEST:]:
        before = state.trials[report.trial].reports[report.epoch - 2] if report.epoch > 1 else None
        if before is None or before.time is None or report.time is None or report.seconds is None:
            continue
        gap = (datetime.fromisoformat(report.time) - datetime.fromisoformat(before.time)).total_seconds()
        if gap < 2 * report.seconds + 1:  # otherwise the trial had paused
            found.append(max(0.0, gap - report.seconds))
    return median(found) if found else 0.0
