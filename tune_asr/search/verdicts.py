"""Verdicts on trials, fed by the events of the search.

The rules are pure functions in `space/`: `asha` and `stopping`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tune_asr.record import events
from tune_asr.record.events import Created, Ended, Event, Paused, Report
from tune_asr.record.ranking import rung_value
from tune_asr.record.search_events import WaveOpened
from tune_asr.record.trial import AT_RUNG, Trial
from tune_asr.scoring.metric import Metric
from tune_asr.space.asha import Decision, Waves
from tune_asr.space.plan import Plan
from tune_asr.space.stopping import Asha


class Verdicts(Protocol):
    """Rule of one mode of ASHA."""

    @property
    def milestones(self) -> list[int]:
        """Epochs of the rungs."""

    def judge(self, trial: Trial, report: Report) -> Decision | None:
        """Judge a trial at a report."""

    def turn(self, pausing: Report | None = None) -> tuple[list[events.Decision], str | None]:
        """Return the waiting trial whose turn it is.

        Before it come decisions on others that waited, in the order in which they take effect.

        Args:
            pausing: report of a trial that is about to wait.
        """

    def is_waiting(self, trial: str) -> bool:
        """Return whether a trial waits for a slot."""

    def take(self, trial: str) -> None:
        """Remove a trial from those that wait."""

    def apply(self, event: Event) -> None:
        """Take an event that is in the ledger."""

    def share_beyond(self, epoch: int, planned: int) -> float:
        """Return the expected share of trials trained beyond `epoch`."""


def make_verdicts(
    plan: Plan, metric: Metric, waves: Iterable[WaveOpened] = (), trials: Iterable[Trial] = ()
) -> Verdicts:
    """Make the rule of one stage."""
    if plan.space.asha.mode == "stop":
        return StopVerdicts(plan, metric, trials)
    return WaveVerdicts(plan, metric, waves, trials)


class WaveVerdicts:
    """Verdicts of `asha.mode: waves`.

    Args:
        plan: space and base configuration.
        metric: error rate that chooses the winner.
        waves: waves so far.
        trials: trials so far; later events are applied one by one.
    """

    def __init__(self, plan: Plan, metric: Metric, waves: Iterable[WaveOpened], trials: Iterable[Trial]) -> None:
        asha = plan.space.asha
        self._asked, self._metric = asha.metric, metric
        self._waves = Waves.of(asha, plan.last_epoch)
        self.milestones, self.share_beyond = self._waves.milestones, self._waves.share_beyond
        for wave in waves:
            self.apply(wave)
        for trial in trials:
            self._replay(trial)

    def judge(self, trial: Trial, report: Report) -> Decision | None:
        """Judge a trial at a report, entered or not."""
        return self._waves.judge(trial.number, report.epoch, self._value(report))

    def turn(self, pausing: Report | None = None) -> tuple[list[events.Decision], str | None]:
        """Return the next trial, and decisions on the way."""
        also = self._waves.waiting(pausing.trial, pausing.epoch, self._value(pausing)) if pausing else None
        decisions, number = self._waves.turn(also)
        return [as_event(trial, decision) for trial, decision in decisions], number

    def is_waiting(self, trial: str) -> bool:
        """Return whether a trial waits for a slot."""
        return self._waves.is_waiting(trial)

    def take(self, trial: str) -> None:
        """Remove a trial from those that wait."""
        self._waves.take(trial)

    def apply(self, event: Event) -> None:
        """Take an event that is in the ledger."""
        match event:
            case WaveOpened():
                self._waves.opened = event.trials
            case Created(base=True):
                self._waves.spare(event.trial)
            case Report():
                self._waves.enter(event.trial, event.epoch, self._value(event))
            case events.Decision(verdict="continue", limit=None):
                self._waves.judge_no_more(event.trial, control=bool(event.control))
            case Paused(cause=cause) if cause == AT_RUNG:
                self._waves.wait(event.trial, event.epoch or 0)
            case Ended():
                self._waves.take(event.trial)

    def _value(self, report: Report) -> float:
        return rung_value(report, self._asked, self._metric)

    def _replay(self, trial: Trial) -> None:
        if trial.is_base:
            self._waves.spare(trial.number)
        freed = {decision.epoch: decision for decision in trial.decisions if decision.verdict == "continue"}
        for report in trial.reports:
            self.apply(report)
            if decision := freed.get(report.epoch):
                self.apply(decision)
        if trial.waits:
            self._waves.wait(trial.number, trial.epoch)


class StopVerdicts:
    """Verdicts of `asha.mode: stop`, as in release 0.1.0.

    Args:
        plan: space and base configuration.
        metric: error rate that chooses the winner.
        trials: trials so far.
    """

    def __init__(self, plan: Plan, metric: Metric, trials: Iterable[Trial]) -> None:
        asha = plan.space.asha
        self._asked, self._metric = asha.metric, metric
        self._asha = Asha(
            grace_period=asha.grace_period,
            reduction_factor=asha.reduction_factor,
            max_t=plan.max_t,
            controls=asha.controls,
        )
        self.milestones, self.share_beyond = self._asha.milestones, self._asha.share_beyond
        for decision in (decision for trial in trials for decision in trial.decisions):
            self.apply(decision)

    def judge(self, trial: Trial, report: Report) -> Decision | None:
        """Judge a trial at a report, not entered yet."""
        if trial.is_control:
            return None
        values = [rung_value(report, self._asked, self._metric)]
        if self._asked == "score":  # the best so far, by its definition
            values += [rung_value(earlier, self._asked, self._metric) for earlier in trial.reports]
        return self._asha.judge(report.epoch, min(values), spared=trial.is_base)

    def turn(self, pausing: Report | None = None) -> tuple[list[events.Decision], str | None]:
        """Return no trial: none waits."""
        return [], None

    def is_waiting(self, trial: str) -> bool:
        """Return False: none waits."""
        return False

    def take(self, trial: str) -> None:
        """Do nothing: none waits."""

    def apply(self, event: Event) -> None:
        """Enter the value of a decision into its rung."""
        if isinstance(event, events.Decision) and event.limit is None:
            self._asha.replay([event])


def as_event(trial: str, decision: Decision) -> events.Decision:
    """Return a decision as an event of the ledger."""
    return events.Decision(
        trial=trial,
        rung=decision.rung,
        epoch=decision.epoch,
        value=decision.value,
        cutoff=decision.cutoff,
        better=decision.better,
        room=decision.room,
        verdict=decision.verdict,
        control=decision.control or None,
    )
