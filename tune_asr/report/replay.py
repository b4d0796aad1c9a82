"""A search under another ASHA setting: who would have gone on, and for how many epochs, as far as the ledger can tell.

The trials are judged again in the order in which they reported. What a trial would have reached after the epoch at
which the search stopped it is in no ledger; so a replay says of each trial at least and at most how many epochs it
would have trained. The two are equal wherever every value that decides is there: always for a setting that stops no
trial later than the search did, and for the search's own.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tune_asr.record.events import Report
from tune_asr.record.state import SearchState, Trial
from tune_asr.space.asha import Asha

Fate = Literal["kept", "lost", "unknown"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What `asha` may say otherwise: the metric of the reports, r and eta."""

    metric: str
    grace_period: int
    reduction_factor: int


@dataclass(frozen=True, slots=True)
class Replay:
    """How many epochs each trial would have trained under `setting`, by number: at least, and at most."""

    setting: Setting
    at_least: Mapping[str, int]
    at_most: Mapping[str, int]

    @property
    def epochs(self) -> tuple[int, int]:
        """Epochs of all trials: at least, and at most."""
        return sum(self.at_least.values()), sum(self.at_most.values())

    def fate(self, trial: str, epoch: int) -> Fate:
        """Whether the trial would have come to its result of `epoch`."""
        if self.at_least[trial] >= epoch:
            return "kept"
        return "lost" if self.at_most[trial] < epoch else "unknown"


class History:
    """What a replay needs of a search, gathered once for many of them.

    Args:
        state: the search.
        max_t: R, the last epoch of a trial.
    """

    def __init__(self, state: SearchState, max_t: int) -> None:
        self.trials = state.trials
        self.max_t = max_t
        # By epoch: when in the search, who, with what. By trial: when it last reported.
        self.arrivals: dict[int, list[tuple[int, Trial, Report]]] = {}
        self.last: dict[str, int] = dict.fromkeys(state.trials, -1)
        for time, report in enumerate(state.reports):
            trial = state.trials[report.trial]
            self.arrivals.setdefault(report.epoch, []).append((time, trial, report))
            self.last[trial.number] = time

    def replay(self, setting: Setting) -> Replay:
        """Judge all trials again under `setting`."""
        asha = Asha(grace_period=setting.grace_period, reduction_factor=setting.reduction_factor, max_t=self.max_t)
        judging = _Judging(self, setting)
        for epoch in asha.milestones:
            judging.rung(epoch)
        return Replay(setting, judging.at_least, judging.at_most)


class _Judging:
    """The trials on their way up the rungs: those that are there for certain, those that may be, the stopped."""

    def __init__(self, history: History, setting: Setting) -> None:
        self.history, self.setting = history, setting
        trials = history.trials.values()
        self.at_least = {trial.number: trial.epoch for trial in trials}
        self.at_most = {trial.number: trial.epoch if _ended_by_itself(trial) else history.max_t for trial in trials}
        self.uncertain: set[str] = set()
        self.stopped: set[str] = set()

    def rung(self, epoch: int) -> None:
        """Let every trial that may come to `epoch` be judged there.

        Of n known values, b are better than a trial's own, and m trials may have come besides, with any value. The
        trial goes on for certain if it does where all m came and are better; it stops for certain if it does where all
        m came and are worse, which lets the most go on.
        """
        eta, values, unseen = self.setting.reduction_factor, list[float](), 0
        missing = self._missing(epoch)
        for time, trial, report in self.history.arrivals.get(epoch, ()):
            if trial.number in self.stopped or (trial.status == "finished" and trial.epoch == epoch):
                continue
            value = report.scores.value(self.setting.metric)
            m = bisect.bisect(missing, time) + unseen
            if trial.number in self.uncertain:
                n, unseen = len(values) + 1, unseen + 1
            else:
                bisect.insort(values, value)
                n = len(values)
            better, goes_on = bisect.bisect_left(values, value), max(1, (n + m) // eta)
            if better + m >= goes_on:
                self._may_stop(trial.number, epoch, certain=better >= goes_on)

    def _missing(self, epoch: int) -> list[int]:
        """When those went on that may come to `epoch` and never reported it, in rising order."""
        return sorted(
            self.history.last[trial.number]
            for trial in self.history.trials.values()
            if trial.epoch < epoch <= self.at_most[trial.number] and trial.number not in self.stopped
        )

    def _may_stop(self, number: str, epoch: int, *, certain: bool) -> None:
        self.at_least[number] = min(self.at_least[number], epoch)
        if certain:
            self.stopped.add(number)
            self.at_most[number] = epoch
        else:
            self.uncertain.add(number)


def _ended_by_itself(trial: Trial) -> bool:
    """Whether no setting would have trained it for longer: it was not pruned, nor is it still to go on."""
    return trial.status in ("finished", "diverged", "failed")
