"""Replay of a search trial by trial: slow, and plain enough to be right."""

from __future__ import annotations

import bisect

from tune_asr.space.stopping import Asha


def slow_replay(state, setting, max_t):
    """Bounds on the epochs of each trial, by number."""
    asha = Asha(grace_period=setting.grace_period, reduction_factor=setting.reduction_factor, max_t=max_t)
    judging = Judging(state, setting, max_t)
    for epoch in asha.milestones:
        judging.rung(epoch)
    return {number: (judging.at_least[number], judging.at_most[number]) for number in judging.trials}


class Judging:
    """Trials on their way up: certain, uncertain and stopped."""

    def __init__(self, state, setting, max_t):
        self.setting, self.trials = setting, {trial.number: trial for trial in state.drawn}
        self.arrivals, self.last = {}, dict.fromkeys(self.trials, -1)
        for time, report in enumerate(state.reports):
            if trial := self.trials.get(report.trial):
                self.arrivals.setdefault(report.epoch, []).append((time, trial, report))
                self.last[trial.number] = time
        trials = self.trials.values()
        self.at_least = {trial.number: trial.epoch for trial in trials}
        self.at_most = {trial.number: trial.epoch if _ended_by_itself(trial) else max_t for trial in trials}
        self.uncertain = set()
        self.stopped = set()

    def rung(self, epoch):
        """Judge every trial that may reach `epoch`.

        Of n known values, b are better than the trial's own, and m more trials may have come with any value. The trial
        continues for certain if it does so with all m better. It stops for certain if it does so with all m worse,
        which lets the most trials continue.
        """
        eta, values, unseen = self.setting.reduction_factor, [], 0
        missing = self._missing(epoch)
        for time, trial, report in self.arrivals.get(epoch, ()):
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

    def _missing(self, epoch):
        """Return positions after which unreported trials may reach `epoch`."""
        return sorted(
            self.last[trial.number]
            for trial in self.trials.values()
            if trial.epoch < epoch <= self.at_most[trial.number] and trial.number not in self.stopped
        )

    def _may_stop(self, number, epoch, *, certain):
        self.at_least[number] = min(self.at_least[number], epoch)
        if certain:
            self.stopped.add(number)
            self.at_most[number] = epoch
        else:
            self.uncertain.add(number)


def _ended_by_itself(trial):
    """Return whether every setting would end the trial here."""
    return trial.status in ("finished", "diverged", "failed")
