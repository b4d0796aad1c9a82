"""Estimated time to the end of a running search, by the model of `space.forecast`."""

from __future__ import annotations

from collections.abc import Sequence

from tune_asr.record.finalists import last_round
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, Trial
from tune_asr.search.extent import planned_trials, trials_to_create
from tune_asr.search.tally import Tally
from tune_asr.space.forecast import Pace, Rule, expected_epochs, forecast, seconds_of_round
from tune_asr.space.plan import Plan


class Outlook:
    """Estimate of the time to the end of a search.

    Args:
        plan: space and base configuration.
        state: state of the search so far; only read.
        slots: number of trials at once.
    """

    def __init__(self, plan: Plan, state: SearchState, slots: int) -> None:
        self._plan, self._state, self._slots = plan, state, slots
        self._tally = Tally(state)

    def seconds_left(self) -> float | None:
        """Estimate the time left; None before the first epoch.

        It is at least the time of the slowest running trial, and at most that of the time budget.
        """
        tally = self._tally
        tally.catch_up()
        if not tally.epochs:
            return None
        planned, mean = self._state.planned, tally.seconds / tally.epochs
        pace, rule = Pace(mean, mean, mean), self._rule
        trials = planned_trials(self._plan, self._state)
        left = forecast(rule, trials, tally.progress(rule.horizon)).seconds(pace, self._slots)
        finalists = [trial for trial in last_round(self._state) if trial.status not in FINAL]
        left += self._finalists(rule.horizon, pace, finalists)
        left = max([left, *(_of_trial(rule, trials, trial) for trial in (*tally.open(), *finalists))])
        if planned and planned.deadline_seconds is not None:
            left = min(left, max(0.0, planned.deadline_seconds - self._state.used_seconds))
        return left

    @property
    def _rule(self) -> Rule:
        stage = self._state.stages.now
        has_base = self._plan.includes_base and self._state.stages.index == 0
        return Rule(self._plan.space.asha, stage.horizon or self._plan.last_epoch, has_base)

    def _finalists(self, horizon: int, pace: Pace, there: Sequence[Trial]) -> float:
        """Return the seconds of finalists yet to be trained.

        A new round follows new trials; a longer stage has none.
        """
        section, stages = self._plan.space.search.finalists, self._state.stages
        if section is None or stages.index:
            return 0.0
        draws = trials_to_create(self._plan, self._state) and not self._state.closing
        if draws or not last_round(self._state):
            return seconds_of_round(section, horizon, pace, self._slots)
        return sum(horizon - trial.epoch for trial in there) * pace.epoch / self._slots


def _of_trial(rule: Rule, trials: int, trial: Trial) -> float:
    """Return the seconds of a running trial, 0 for others."""
    seconds = (trial.reports[-1].seconds or 0.0) if trial.reports else 0.0
    if trial.finalist_of:
        return (rule.horizon - trial.epoch) * seconds
    return 0.0 if trial.waits else expected_epochs(rule, trials, trial.epoch) * seconds
