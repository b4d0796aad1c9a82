"""Finalists: the best settings, each trained again with fresh seeds.

The mean over the seeds chooses the winner, so a lucky run cannot. A round counts once all of its trials have ended.
After more trials of the search the finalists are trained anew: only the last round counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from tune_asr.record.events import Report
from tune_asr.record.ranking import Standing, best_epoch, standings
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, Trial
from tune_asr.scoring.metric import Metric


@dataclass(frozen=True, slots=True)
class Finalist:
    """One setting of a round."""

    of: str
    """Trial whose setting it is."""
    runs: tuple[Trial, ...]
    """Trainings with fresh seeds."""
    reports: tuple[Report, ...]
    """Best epoch of each training that finished with a result."""
    rates: tuple[float, ...]
    """Error rates of these."""

    @property
    def mean(self) -> float:
        """Mean error rate over the seeds, infinity without any."""
        return fmean(self.rates) if self.rates else float("inf")

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds, None for fewer than two."""
        return stdev(self.rates) if len(self.rates) > 1 else None


def last_round(state: SearchState) -> list[Trial]:
    """Return the finalists after the last drawn trial.

    Repetitions with a longer horizon end no round. Finalists left for more trials are pruned, and count no more.
    """
    return [trial for trial in since_last_drawn(state) if trial.status != "pruned"]


def since_last_drawn(state: SearchState) -> list[Trial]:
    """Return all finalists after the last drawn trial."""
    found: list[Trial] = []
    for trial in reversed(state.trials.values()):
        if trial.is_drawn:
            break
        if trial.finalist_of is not None:
            found.append(trial)
    return found[::-1]


def finalists(state: SearchState, metric: Metric) -> list[Finalist]:
    """Return the settings of the last round, best first.

    A setting with a training that diverged or failed follows those without. The list is empty while a training has not
    ended.
    """
    by_setting: dict[str, list[Trial]] = {}
    for trial in last_round(state):
        if trial.status not in FINAL:
            return []
        by_setting.setdefault(str(trial.finalist_of), []).append(trial)
    found = [_finalist(of, runs, metric) for of, runs in by_setting.items()]
    return sorted(found, key=lambda finalist: (len(finalist.runs) - len(finalist.rates), finalist.mean))


def ranked(state: SearchState, metric: Metric, kept: Mapping[str, set[int]] | None = None) -> list[Standing]:
    """Rank all trials, finalists among them.

    The finalists of a round that counts come first, by setting and then by result; then the trials of the search, and
    last other finalists.

    Args:
        state: state of the search.
        metric: error rate that ranks.
        kept: epochs with a checkpoint, by trial; None for all.
    """
    found = finalists(state, metric)
    place = {run.number: (0, index) for index, finalist in enumerate(found) for run in finalist.runs}

    def group(standing: Standing) -> tuple[int, int]:
        trial, report = standing
        if report is None:
            return 2, 0
        return (1, 0) if trial.finalist_of is None else place.get(trial.number, (2, 0))

    return sorted(standings(state, metric, kept), key=group)


def _finalist(of: str, runs: list[Trial], metric: Metric) -> Finalist:
    best = [best_epoch(run, metric=metric) for run in runs if run.status == "finished"]
    reports = tuple(report for report in best if report)
    return Finalist(of, tuple(runs), reports, tuple(report.scores.value(metric) for report in reports))
