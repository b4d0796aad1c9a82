"""Replay of a search under another ASHA setting.

The trials are judged again in the order of their reports. The ledger lacks what a trial would have reached after the
epoch at which the search stopped it, so a replay bounds the epochs of each trial from below and above. The bounds are
equal if all values that decide are known: always for the setting of the search, and for settings that stop no trial
later than the search did.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tune_asr.record.events import Report
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.space.stopping import Asha

Fate = Literal["kept", "lost", "unknown"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Keys of `asha` that a replay changes."""

    metric: str
    grace_period: int
    reduction_factor: int


@dataclass(frozen=True, slots=True)
class Replay:
    """Bounds on the epochs of each trial under `setting`."""

    setting: Setting
    at_least: Mapping[str, int]
    at_most: Mapping[str, int]

    @property
    def epochs(self) -> tuple[int, int]:
        """Bounds on the epochs of all trials."""
        return sum(self.at_least.values()), sum(self.at_most.values())

    def fate(self, trial: str, epoch: int) -> Fate:
        """Return whether the trial would have reached `epoch`."""
        if self.at_least[trial] >= epoch:
            return "kept"
        return "lost" if self.at_most[trial] < epoch else "unknown"


class History:
    """Reports of a search, arranged once for many replays.

    Args:
        state: trials with their reports.
        max_t: last epoch of a trial, R.
    """

    def __init__(self, state: SearchState, max_t: int) -> None:
        self.trials = {trial.number: trial for trial in state.drawn}
        self.max_t = max_t
        # Arrivals by epoch: position in the ledger, trial, report. `last`: position of each trial's last report.
        self.arrivals: dict[int, list[tuple[int, Trial, Report]]] = {}
        self.last: dict[str, int] = dict.fromkeys(self.trials, -1)
        for time, report in enumerate(state.reports):
            trial = state.trials[report.trial]
            if trial.finalist_of is not None:
                continue
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
    """Trials on their way up: certain, uncertain and stopped."""

    def __init__(self, history: History, setting: Setting) -> None:
        self.history, self.setting = history, setting
        trials = history.trials.values()
        self.at_least = {trial.number: trial.epoch for trial in trials}
        self.at_most = {trial.number: trial.epoch if _ended_by_itself(trial) else history.max_t for trial in trials}
        self.uncertain: set[str] = set()
        self.stopped: set[str] = set()

    def rung(self, epoch: int) -> None:
        """Judge every trial that may reach `epoch`.

        Of n known values, b are better than the trial's own, and m more trials may have come with any value. The trial
        continues for certain if it does so with all m better. It stops for certain if it does so with all m worse,
        which lets the most trials continue.
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
            better, continuing = bisect.bisect_left(values, value), max(1, (n + m) // eta)
            if better + m >= continuing:
                self._may_stop(trial.number, epoch, certain=better >= continuing)

    def _missing(self, epoch: int) -> list[int]:
        """Return positions after which unreported trials may reach `epoch`."""
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
    """Return whether every setting would end the trial here."""
    return trial.status in ("finished", "diverged", "failed")
