"""End of a search: when enough is enough, and the finalists.

Both rules read the state alone, so a search that was killed ends in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from pydantic import JsonValue

from tune_asr.config.scalars import identity
from tune_asr.record.events import Created, Report
from tune_asr.record.finalists import last_round, since_last_drawn
from tune_asr.record.ranking import Standing, standings
from tune_asr.record.search_events import Stopped
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, Trial
from tune_asr.scoring.metric import Metric
from tune_asr.space.enough import WAVES, is_enough
from tune_asr.space.plan import Plan
from tune_asr.space.sections import FinalistsSection

HalfWidth = Callable[[Report, Report], float | None]
"""Half of the interval of the difference between two reports; None if it is not known."""


def _unknown(first: Report, second: Report) -> None:
    """Return no width: without utterances nothing is known."""


class Ending:
    """Rules for the end of a search.

    Args:
        plan: space and base configuration.
        metric: error rate that chooses the winner.
        state: trials so far, kept up to date by the conductor.
        half_width: measure of what the validation set can show.
        handed_out: trials in the hands of workers. In the ledger they may still rest: their training has not started.
    """

    def __init__(
        self,
        plan: Plan,
        metric: Metric,
        state: SearchState,
        half_width: HalfWidth = _unknown,
        handed_out: Collection[str] = (),
    ) -> None:
        self._plan, self._metric, self._state, self._half_width = plan, metric, state, half_width
        self._handed_out = handed_out
        self._seen: tuple[int, list[tuple[int, str]]] | None = None  # trials for which finalists are lacking
        self._lacking: list[Created] = []
        self._best: dict[int, float] = {}  # lowest error rate, by the number of reports

    def stop(self) -> Stopped | None:
        """Return the end of new waves, or None.

        It is asked where a wave would open.
        """
        state = self._state
        if self._plan.space.search.stop == "never" or (state.planned and state.planned.deadline_seconds):
            return None
        stage = state.stages.now
        counted = stage.reports_before[stage.first_counted :][-WAVES:]
        best = [self._lowest(reports) for reports in (*counted, len(state.reports))]
        delta = self._delta() if is_enough(best, math.inf) else None
        if delta is None or not is_enough(best, delta):
            return None
        return Stopped(best=best[-1], delta=delta)

    def finalists(self) -> list[Created]:
        """Return the finalists to create now.

        They wait until nothing else is left to run. All of them are created at once, so the ledger shows from their
        start on which settings are finalists. Those that the round lacks are created later: a crash took them from the
        end of the ledger, `search.finalists` has grown, or another setting is now among the best. All settings of a
        round have the same seeds.
        """
        wanted, state = self._plan.space.search.finalists, self._state
        if wanted is None or state.stages.index:
            return []
        if any(map(self._is_left, state.trials.values())):
            return []
        seen = len(state.trials), [(trial.epoch, trial.status) for trial in state.trials.values() if trial.is_drawn]
        if seen != self._seen:
            self._seen, self._lacking = seen, self._lacks(wanted)
        return self._lacking

    def _lacks(self, wanted: FinalistsSection) -> list[Created]:
        """Return the finalists that the round lacks."""
        state, there = self._state, last_round(self._state)
        first = next((int(trial.number) for trial in since_last_drawn(state)), len(state.trials))
        settings = {key_of(trial): str(trial.finalist_of) for trial in there}
        best = {key_of(trial): trial.number for trial in best_settings(self._drawn(), wanted.top)}
        settings = {key: settings.get(key, number) for key, number in (best | settings).items()}
        seeds = self._seeds(first, max(wanted.seeds, len({trial.seed for trial in there})))
        runs = {(key_of(trial), trial.seed) for trial in there}
        lacking = [(of, seed) for seed in seeds for key, of in settings.items() if (key, seed) not in runs]
        return [
            Created(trial=f"{number:05d}", params=setting_of(state.trials[of]), seed=seed, finalist_of=of)
            for number, (of, seed) in enumerate(lacking, start=len(state.trials))
        ]

    def _lowest(self, reports: int) -> float:
        """Return the lowest error rate in the first reports.

        Each report is looked at once: the rate of the boundary before is kept.
        """
        before = max((boundary for boundary in self._best if boundary <= reports), default=0)
        trials = self._state.trials
        drawn = (report for report in self._state.reports[before:reports] if _is_eligible(trials[report.trial]))
        rates = (report.scores.value(self._metric) for report in drawn)
        self._best[reports] = min((self._best.get(before, math.inf), *rates))
        return self._best[reports]

    def _delta(self) -> float | None:
        best = [report for _, report in self._drawn()[:2] if report]
        return self._half_width(*best) if len(best) == 2 else None

    def _drawn(self) -> list[Standing]:
        return [standing for standing in standings(self._state, self._metric) if _is_eligible(standing.trial)]

    def _is_left(self, trial: Trial) -> bool:
        """Return whether a searched trial is still to be trained."""
        rests = trial.rests and trial.number not in self._handed_out
        return trial.is_drawn and trial.status not in FINAL and not rests

    def _seeds(self, first: int, number: int) -> list[int]:
        """Return seeds that no trial before finalist `first` has."""
        taken = {trial.seed for trial in self._state.trials.values() if int(trial.number) < first}
        seeds: list[int] = []
        for index in range(number):
            seed = self._plan.finalist_seed(first, index)
            while seed in taken:
                seed += 1
            taken.add(seed)
            seeds.append(seed)
        return seeds


def _is_eligible(trial: Trial) -> bool:
    """Return whether a searched trial may be the best."""
    return trial.is_drawn and not trial.is_beyond_limit


def best_settings(ranked: list[Standing], top: int) -> list[Trial]:
    """Return the first trial of each of the best settings."""
    best: dict[str, Trial] = {}
    for trial, report in ranked:
        if report and trial.status != "diverged" and not (trial.status == "failed" and trial.of_setting):
            best.setdefault(key_of(trial), trial)
    return list(best.values())[:top]


def key_of(trial: Trial) -> str:
    """Return the setting of a trial as text."""
    return identity(setting_of(trial))


def setting_of(trial: Trial) -> dict[str, JsonValue]:
    """Return the setting of a trial, without a searched seed."""
    return {key: value for key, value in trial.params.items() if key != "seed"}
