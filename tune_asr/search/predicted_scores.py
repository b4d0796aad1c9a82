"""Predicted final scores of the trials that a closing search chooses from, kept as it goes.

They are those of `space.history`: the best score so far, and the sum of the median gains from there to the last epoch.
The gains of each epoch stay sorted, so a call costs what has changed, however long the search is.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from tune_asr.record.events import Report
from tune_asr.record.ranking import rung_value
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, Trial
from tune_asr.scoring.metric import Metric
from tune_asr.space.plan import Plan

Gains = dict[int, list[float]]
"""Gains from each epoch to the next, sorted."""


class PredictedScores:
    """Predicted final scores of the trials of one stage.

    Args:
        plan: plan with the horizon of the stage.
        metric: error rate that chooses the winner.
        state: trials so far, kept up to date by the conductor.
    """

    def __init__(self, plan: Plan, metric: Metric, state: SearchState) -> None:
        self._metric, self._state, self.stage = metric, state, state.stages.index
        self._grace, self._last = plan.space.asha.grace_period, plan.last_epoch
        self._counted = 0
        self._best: dict[str, list[float]] = {}  # best score so far of each trial that has not ended, by epoch
        self._gains: Gains = defaultdict(list)

    def of_open_trials(self, latest: Report | None = None) -> dict[str, float]:
        """Return the predicted final scores of open trials.

        Args:
            latest: report that is not in the state yet.
        """
        self._catch_up()
        if self._grace >= self._last:
            return {}
        best, gains = self._best, self._gains
        if latest:
            own = self._with(latest)
            best = {**best, latest.trial: own}
            gains = {**gains, **{e: sorted([*gains[e], gain]) for e, gain in self._gains_of(own, latest.epoch - 1)}}
        rest = {self._last: 0.0}
        for epoch in range(self._last - 1, self._grace - 1, -1):
            rest[epoch] = rest[epoch + 1] + (median(gains[epoch]) if gains.get(epoch) else 0.0)
        return {
            number: scores[-1] + rest[min(len(scores), self._last)]
            for number, scores in best.items()
            if len(scores) >= self._grace and not self._state.trials[number].is_beyond_limit
        }

    def _catch_up(self) -> None:
        reports, trials = self._state.reports, self._state.trials
        for index in range(self._counted, len(reports)):
            report = reports[index]
            trial = trials[report.trial]
            if trial.stage == self.stage and trial.finalist_of is None:
                self._best[report.trial] = own = self._with(report)
                for epoch, gain in self._gains_of(own, report.epoch - 1):
                    bisect.insort(self._gains[epoch], gain)
        self._counted = len(reports)
        for trial in [trials[number] for number in self._best if trials[number].status in FINAL]:
            self._end(trial)

    def _end(self, trial: Trial) -> None:
        """Take a trial out, with its gains if it diverged."""
        own = self._best.pop(trial.number)
        if trial.status == "diverged":
            for epoch, gain in self._gains_of(own):
                gains = self._gains[epoch]
                del gains[bisect.bisect_left(gains, gain)]

    def _with(self, report: Report) -> list[float]:
        before = self._best.get(report.trial, [])
        return [*before, min([*before[-1:], rung_value(report, "score", self._metric)])]

    def _gains_of(self, own: Sequence[float], first: int = 0) -> Iterator[tuple[int, float]]:
        """Yield the epochs with a gain from `first` on."""
        for epoch in range(max(first, self._grace), min(len(own), self._last)):
            before, after = own[epoch - 1], own[epoch]
            if math.isfinite(before) and math.isfinite(after):
                yield epoch, after - before
