"""Replay of a search under another ASHA setting.

The trials are judged again in the order of their reports. The ledger lacks what a trial would have reached after the
epoch at which the search stopped it, so a replay bounds the epochs of each trial from below and above. The bounds are
equal if all values that decide are known: always for the setting of the search, and for settings that stop no trial
later than the search did.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.scores import Scores
from tune_asr.space.stopping import Asha

Fate = Literal["kept", "lost", "unknown"]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_BLOCK = 128
"""Values compared with each other at once."""


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
    trials: Mapping[str, int]
    """Places of the trials in the bounds."""
    at_least: Integers
    at_most: Integers

    @property
    def epochs(self) -> tuple[int, int]:
        """Bounds on the epochs of all trials."""
        return int(self.at_least.sum()), int(self.at_most.sum())

    def of(self, trial: str) -> tuple[int, int]:
        """Return the bounds on the epochs of one trial."""
        place = self.trials[trial]
        return int(self.at_least[place]), int(self.at_most[place])

    def fate(self, trial: str, epoch: int) -> Fate:
        """Return whether the trial would have reached `epoch`."""
        at_least, at_most = self.of(trial)
        if at_least >= epoch:
            return "kept"
        return "lost" if at_most < epoch else "unknown"


class History:
    """Reports of a search, arranged once for many replays.

    Args:
        state: trials with their reports.
        max_t: last epoch of a trial, R.
    """

    def __init__(self, state: SearchState, max_t: int) -> None:
        trials = state.drawn
        self.max_t = max_t
        self.numbers = {trial.number: place for place, trial in enumerate(trials)}
        self.epochs = np.array([trial.epoch for trial in trials], dtype=np.int64)
        self.finished = np.array([trial.status == "finished" for trial in trials], dtype=bool)
        self.ended = np.array([_ended_by_itself(trial) for trial in trials], dtype=bool)
        self._reports = [report for report in state.reports if report.trial in self.numbers]
        self._epoch_of = np.array([report.epoch for report in self._reports], dtype=np.int64)
        self._trial_of = np.array([self.numbers[report.trial] for report in self._reports], dtype=np.int64)
        last = dict.fromkeys(range(len(trials)), -1)
        last.update(zip(self._trial_of.tolist(), itertools.count()))
        self.last = np.array(list(last.values()), dtype=np.int64)
        """Position of each trial's last report in the ledger, -1 without one."""
        self._arrivals: dict[tuple[int, str], Arrivals] = {}
        self._scores: dict[int, list[Scores]] = {}

    def replay(self, setting: Setting) -> Replay:
        """Judge all trials again under `setting`."""
        asha = Asha(grace_period=setting.grace_period, reduction_factor=setting.reduction_factor, max_t=self.max_t)
        judging = _Judging(self, setting)
        for epoch in asha.milestones:
            judging.rung(epoch)
        return Replay(setting, self.numbers, judging.at_least, judging.at_most)

    def arrivals(self, epoch: int, metric: str) -> Arrivals:
        """Return the reports of an epoch, in ledger order."""
        key = (epoch, metric)
        if key not in self._arrivals:
            positions = np.flatnonzero(self._epoch_of == epoch)
            if epoch not in self._scores:
                reports = map(self._reports.__getitem__, positions.tolist())
                self._scores[epoch] = [report.scores for report in reports]
            values = np.array(list(map(attrgetter(metric), self._scores[epoch])), dtype=np.float64)
            values[np.isnan(values)] = np.inf  # None
            ranks = np.unique(values, return_inverse=True)[1]
            self._arrivals[key] = Arrivals(positions, self._trial_of[positions], ranks)
        return self._arrivals[key]


class Arrivals:
    """Reports of one epoch.

    Args:
        positions: their places in the ledger, rising.
        trials: their trials.
        ranks: ranks of their values; equal values have one rank.
    """

    def __init__(self, positions: Integers, trials: Integers, ranks: Integers) -> None:
        self.positions, self.trials, self.ranks = positions, trials, ranks
        self._better: dict[bytes, Integers] = {}

    def better(self, certain: Booleans) -> Integers:
        """Count the certain reports with lower values before each."""
        key = certain.tobytes()  # at their first rung all factors ask the same
        if key not in self._better:
            self._better[key] = lower_before(self.ranks, certain)
        return self._better[key]


def lower_before(ranks: Integers, counts: Booleans) -> Integers:
    """Count the lower ranks before each place.

    Args:
        ranks: ranks from 0.
        counts: the places that are counted.
    """
    found = np.empty(len(ranks), dtype=np.int64)
    seen = np.zeros(len(ranks) + 1, dtype=np.int64)
    before = np.tri(_BLOCK, k=-1, dtype=np.bool_)
    for begin in range(0, len(ranks), _BLOCK):
        block, counting = ranks[begin : begin + _BLOCK], counts[begin : begin + _BLOCK]
        within = (block[None, :] < block[:, None]) & counting[None, :] & before[: len(block), : len(block)]
        found[begin : begin + _BLOCK] = np.cumsum(seen)[block] + np.count_nonzero(within, axis=1)
        # One place above its rank, so that a sum up to a rank leaves equal ones out.
        np.add.at(seen, block[counting] + 1, 1)
    return found


class _Judging:
    """Trials on their way up: certain, uncertain and stopped."""

    def __init__(self, history: History, setting: Setting) -> None:
        self.history, self.setting = history, setting
        self.at_least = history.epochs.copy()
        self.at_most = np.where(history.ended, history.epochs, history.max_t)
        self.uncertain = np.zeros(len(history.epochs), dtype=bool)
        self.stopped = np.zeros(len(history.epochs), dtype=bool)

    def rung(self, epoch: int) -> None:
        """Judge every trial that may reach `epoch`.

        Of n known values, b are better than the trial's own, and m more trials may have come with any value. The trial
        continues for certain if it does so with all m better. It stops for certain if it does so with all m worse,
        which lets the most trials continue.
        """
        arrivals = self.history.arrivals(epoch, self.setting.metric)
        trials = arrivals.trials
        over = self.history.finished[trials] & (self.history.epochs[trials] == epoch)
        judged = ~(self.stopped[trials] | over)
        uncertain = judged & self.uncertain[trials]
        certain = judged & ~uncertain
        n = np.cumsum(certain) + uncertain
        m = np.searchsorted(self._missing(epoch), arrivals.positions, side="right") + np.cumsum(uncertain) - uncertain
        better = arrivals.better(certain)
        continuing = np.maximum(1, (n + m) // self.setting.reduction_factor)
        self._stop(trials[judged & (better + m >= continuing)], trials[judged & (better >= continuing)], epoch)

    def _missing(self, epoch: int) -> Integers:
        """Return positions after which unreported trials may reach `epoch`."""
        may = (self.history.epochs < epoch) & (epoch <= self.at_most) & ~self.stopped
        return np.sort(self.history.last[may])

    def _stop(self, possibly: Integers, certainly: Integers, epoch: int) -> None:
        self.at_least[possibly] = np.minimum(self.at_least[possibly], epoch)
        self.uncertain[possibly] = True
        self.stopped[certainly] = True
        self.at_most[certainly] = epoch


def _ended_by_itself(trial: Trial) -> bool:
    """Return whether every setting would end the trial here."""
    return trial.status in ("finished", "diverged", "failed")
