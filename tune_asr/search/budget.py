"""Time budget of a search: time left, pace, and the number of trials that fits.

The clock enters here alone. What follows from it is an event of the ledger, so verdicts and proposals never see it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from tune_asr.record.search_events import Planned
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.search.tally import Tally
from tune_asr.space.forecast import RESERVE, Pace, Rule, fitting_trials, seconds_of_round
from tune_asr.space.plan import MAX_TRIALS, Plan

BETWEEN = 1.05
"""Time that a trial is given to its end, over what its last epochs took."""
UNKNOWN = Pace(1.0, 1.0, 1.0)
"""Pace before the first epoch, if none was measured."""
END_SECONDS = 3.0
"""Seconds from the last event to the end of the command."""
Clock = Callable[[], float]
"""Seconds of search time so far, from the first command on, without those between runs."""


@dataclass(frozen=True, slots=True)
class Command:
    """Time budget on the command line."""

    began: float
    """`time.monotonic()` at the command."""
    budget: float | None = None
    """Seconds that a resume gives in addition."""
    fixes_horizon: bool = False
    """Whether the command line gave the horizon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Time budget of a run; by default no time passes."""

    clock: Clock = lambda: 0.0
    earlier: float = 0.0
    """Seconds of the runs before."""
    pace: Pace | None = None
    """Pace that was measured before the first trial."""
    planned: Planned | None = None
    """Extent at the start of the run, if it is another than before."""

    @classmethod
    def of_run(cls, command: Command, earlier: float) -> Budget:
        """Make the budget of a run whose command has begun."""
        return cls(clock=lambda: earlier + time.monotonic() - command.began, earlier=earlier)


class TimeLeft:
    """Time left of a budget, and the trials for it.

    Args:
        plan: space and base configuration.
        state: trials so far, kept up to date by the conductor.
        budget: clock and measured pace.
    """

    def __init__(self, plan: Plan, state: SearchState, budget: Budget) -> None:
        self._plan, self._state, self._budget = plan, state, budget
        self._tally = Tally(state)

    @property
    def is_limited(self) -> bool:
        """True if the search has a time budget."""
        return bool(self._state.planned and self._state.planned.deadline_seconds is not None)

    @property
    def horizon(self) -> int:
        """Last epoch of a trial (H)."""
        return self._state.planned.horizon if self._state.planned else self._plan.last_epoch

    @property
    def in_all(self) -> float:
        """Seconds to the deadline; infinite without one."""
        planned = self._state.planned
        if planned is None or planned.deadline_seconds is None:
            return math.inf
        return planned.deadline_seconds - END_SECONDS - self._budget.clock()

    @property
    def for_finalists(self) -> float:
        """Seconds of the finalists; a stage of repetitions has none."""
        if self._state.stages.index:
            return 0.0
        slots = self._state.planned.slots if self._state.planned else 1
        return seconds_of_round(self._plan.space.search.finalists, self.horizon, self.pace(), slots)

    @property
    def for_trials(self) -> float:
        """Seconds until the finalists must begin."""
        return self.in_all - self.for_finalists if self.is_limited else math.inf

    def is_out(self, trial: Trial) -> bool:
        """Return whether a trial must end with its epoch."""
        return (self.in_all if trial.finalist_of else self.for_trials) <= 0

    def to_the_end(self, trial: Trial | None, epoch: int | None = None) -> float:
        """Return the seconds of a trial to its last epoch.

        Args:
            trial: trial that waits or runs; None for a new one.
            epoch: its last epoch, if it is not in the ledger yet.
        """
        pace = self.pace()
        if trial is None:
            return self.horizon * pace.epoch * BETWEEN + pace.set_up
        recent = [report.seconds for report in trial.reports[-3:] if report.seconds is not None]
        seconds = sum(recent) / len(recent) if recent else pace.epoch
        seconds += self._tally.between
        return (self.horizon - (epoch or trial.epoch)) * seconds * BETWEEN + (pace.set_up if trial.waits else 0.0)

    def trials(self) -> int:
        """Return the number of trials in all within the time.

        A new trial fits as long as it can come to its end.
        """
        planned, stages = self._state.planned, self._state.stages
        assert planned is not None, "a search with a time budget has a plan"
        drawn = len(stages.now.trials)
        if not drawn or stages.index:  # a stage with a longer horizon repeats so many settings, and no more
            return planned.trials
        most = MAX_TRIALS if planned.limit is None else planned.limit
        left = self.for_trials
        if left < RESERVE * self.to_the_end(None) or drawn >= most:
            return drawn
        rule = Rule(self._plan.space.asha, self.horizon, self._plan.includes_base)
        progress = self._tally.progress(self.horizon)
        return max(drawn + 1, fitting_trials(rule, self.pace(), planned.slots, left, most, progress))

    def open(self) -> list[Trial]:
        """Return the trials of this stage without an end."""
        return self._tally.open()

    def pace(self) -> Pace:
        """Return the pace of measurement and trials so far."""
        self._tally.catch_up()
        measured, epochs = self._budget.pace, self._tally.epochs
        if not epochs:
            return measured or UNKNOWN
        mean = self._tally.seconds / epochs + self._tally.between
        if measured is None:
            return Pace(mean, mean, mean)
        weight = 2 * (self._state.planned.slots if self._state.planned else 1)
        mean = (weight * measured.epoch + epochs * mean) / (weight + epochs)
        return Pace(mean, min(mean, measured.fastest), max(mean, measured.slowest), measured.set_up)
