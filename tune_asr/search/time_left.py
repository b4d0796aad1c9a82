"""Time left of a running search, by the model of `space.forecast`."""

from __future__ import annotations

from collections import defaultdict

from tune_asr.record.events import Report
from tune_asr.record.finalists import last_round
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, Trial
from tune_asr.space.forecast import Pace, Progress, Rule, expected_epochs, forecast, seconds_of_finalists
from tune_asr.space.plan import Plan


class Outlook:
    """Time left, counted as the search goes.

    Args:
        plan: space and base configuration.
        state: state of the search so far; only read.
        slots: number of trials at once.
    """

    def __init__(self, plan: Plan, state: SearchState, slots: int) -> None:
        self._plan, self._state, self._slots = plan, state, slots
        self._epochs, self._seconds = 0, 0.0
        self._reached: dict[int, list[int]] = defaultdict(list)  # by stage
        self._ended: dict[int, int] = defaultdict(int)  # likewise
        self._begun: dict[str, Report] = {}  # the last report of each trial that has not ended

    def count_report(self, report: Report) -> None:
        """Count an epoch."""
        self._epochs += 1
        self._seconds += report.seconds or 0.0
        self._begun[report.trial] = report
        trial = self._state.trials[report.trial]
        if trial.finalist_of is None:
            reached = self._reached[trial.stage]
            reached += [0] * (report.epoch - len(reached))
            reached[report.epoch - 1] += 1

    def count_end(self, number: str) -> None:
        """Count the end of a trial."""
        self._begun.pop(number, None)
        trial = self._state.trials[number]
        self._ended[trial.stage] += trial.finalist_of is None

    def seconds_left(self) -> float | None:
        """Estimate the time left; None before the first epoch.

        It is at least the time of the slowest running trial, and at most that of the time budget.
        """
        if not self._epochs:
            return None
        planned, mean = self._state.plan, self._seconds / self._epochs
        pace, rule = Pace(mean, mean, mean), self._rule
        trials = planned.trials if planned else self._plan.num_trials
        left = forecast(rule, trials, self._progress()).seconds(pace, self._slots)
        left += self._finalists(trials, rule.horizon, pace)
        left = max([left, *(self._of_trial(rule, trials, report) for report in self._begun.values())])
        if planned and planned.deadline_seconds is not None:
            left = min(left, max(0.0, planned.deadline_seconds - self._state.used_seconds))
        return left

    @property
    def _rule(self) -> Rule:
        stage = self._state.stages.now
        has_base = self._plan.includes_base and self._state.stages.index == 0
        return Rule(self._plan.space.asha, stage.horizon or self._plan.last_epoch, has_base)

    def _progress(self) -> Progress:
        """Return the trials of the stage, for a forecast."""
        stage = self._state.stages.index
        created = self._state.stages.now.trials
        begun = [self._state.trials[number] for number in self._begun]
        own = [trial for trial in begun if trial.stage == stage and trial.finalist_of is None]
        base = self._state.trials[created[0]] if created and self._plan.is_base(0) else None
        return Progress(
            created=len(created),
            reached=self._reached[stage],
            running=[
                *(trial.epoch for trial in own if not trial.waits),
                *[0] * (len(created) - self._ended[stage] - len(own)),
            ],
            waiting=[trial.epoch for trial in own if trial.waits],
            base=_open_epoch(base) if created else 0,
        )

    def _of_trial(self, rule: Rule, trials: int, report: Report) -> float:
        """Return the seconds of a running trial, 0 for others."""
        trial, seconds = self._state.trials[report.trial], report.seconds or 0.0
        if trial.finalist_of:
            return (rule.horizon - report.epoch) * seconds
        if trial.waits or trial.stage != self._state.stages.index:
            return 0.0
        return expected_epochs(rule, trials, report.epoch) * seconds

    def _finalists(self, trials: int, horizon: int, pace: Pace) -> float:
        """Return the seconds of finalists yet to be trained.

        A new round follows new trials; a longer stage has none.
        """
        section, stages = self._plan.space.search.finalists, self._state.stages
        if section is None or stages.index:
            return 0.0
        begun = last_round(self._state)
        draws = len(stages.now.trials) < trials and not stages.now.stopped and not self._state.closing
        if draws or not begun:
            return seconds_of_finalists(section.top * section.seeds, horizon, pace, self._slots)
        return (
            sum(horizon - trial.epoch for trial in begun if _open_epoch(trial) is not None) * pace.epoch / self._slots
        )


def _open_epoch(trial: Trial | None) -> int | None:
    """Return the last epoch of an open trial."""
    return None if trial is None or trial.status in FINAL else trial.epoch
