"""ASHA in waves, the rule by which trials pause, continue and stop.

Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020. Its letters:

    R      last epoch of a trial, `max_t`                      H below
    r      epochs before the first judgement, `grace_period`   g below
    eta    reduction factor
    s      early-stopping rate, here 0: rung k is at r * eta^k epochs

As in the paper a trial pauses at a rung, and a free slot promotes the best of those that wait. Departures from the
paper, each decided by replay of recorded trainings:

- *Waves.* Trials are begun in waves of n in all. Before the next wave opens, those of this one that are worth it are
  trained to the end: first the lowest epoch, there the best. The paper begins a new trial if none can be promoted.
- *Room, not 1/eta.* At epoch e a trial continues while fewer than `room` of all that came to e are better:

      room(n, e) = max(1, ceil((0.6 n + 6) / eta * sqrt(g/e * (H - e)/(H - g))))

  The paper's floor(n / eta) of those at a rung judges the first arrivals by few.
- *Every epoch judges.* From epoch g on, a trial beyond the room stops, also between rungs. It pauses at rungs alone.
- *The best so far counts*, not the last value: the best checkpoint of a trial is what is kept.
- *A blank trial is not judged by its loss.* CTC begins with blanks alone, and the loss of these epochs says little of
  the last one: on recorded late learners their ranks correlate by -.23. So up to the second rung all trials that
  recognise nothing count alike. One stops there only if `room` others recognise something.
- *The base configuration*, trial 00000, is never stopped.

A value enters once, at its own epoch, from the live trial: never late, after a resume. The module knows neither files
nor clocks; the events of the ledger rebuild its state.

A *control* is a trial that would stop and is trained on, to show what pruning loses. Controls are the first that would
stop. A control is not judged again and enters no later epoch: every other trial is judged as if it had stopped.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from tune_asr.space.sections import AshaSection

BLANK = 2.0
"""Score from which a trial recognises nothing: WER and CER are at least 1. The loss adds less than 0.01."""

Verdict = Literal["continue", "pause", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Verdict on one trial at one epoch."""

    rung: int
    """Number of the rung, from 0; -1 at another epoch."""
    epoch: int
    value: float
    better: int | None = None
    """Trials of this epoch with a lower value; up to the second rung, of a blank trial, those that are not blank."""
    room: int | None = None
    """Number of better trials at which a trial stops."""
    cutoff: float | None = None
    """Worst value that continues, in mode `stop`."""
    verdict: Verdict
    control: bool = False
    """The trial would stop, and continues as a control."""


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """Trial paused at a rung, in the order of turns."""

    epoch: int
    value: float
    trial: str


def milestones(grace_period: int, reduction_factor: int, max_t: int) -> list[int]:
    """Return the epochs of the rungs."""
    epochs: list[int] = []
    while (epoch := grace_period * reduction_factor ** len(epochs)) < max_t:
        epochs.append(epoch)
    return epochs


def wave_sizes(planned: int, slots: int, *, has_model: bool) -> tuple[int, int]:
    """Return the sizes of the first and later waves.

    A model learns from each wave what the next one should try. Each wave fills every slot twice.
    """
    first, later = (16, min(32, max(16, math.ceil(planned / 4)))) if has_model else (64, 64)
    return max(first, 2 * slots), max(later, 2 * slots)


class Waves:
    """Trials of one search by epoch. Lower values are better.

    Args:
        grace_period: g, epochs; at least 1.
        reduction_factor: eta, at least 2.
        max_t: H, epochs. With g at or above it, nothing is judged.
        controls: number of trials that continue as controls.
        blank: value from which a trial recognises nothing; by default there is none.
    """

    def __init__(
        self, *, grace_period: int, reduction_factor: int, max_t: int, controls: int = 0, blank: float = math.inf
    ) -> None:
        self.grace_period, self.reduction_factor, self.max_t, self._blank = grace_period, reduction_factor, max_t, blank
        self.milestones = milestones(grace_period, reduction_factor, max_t)
        self.opened = 0
        """n, trials of all waves begun."""
        self._reached: dict[int, list[float]] = defaultdict(list)
        self._best: dict[str, float] = {}
        self._waiting: list[Waiting] = []
        self._controls_left = controls
        self._controls: set[str] = set()
        self._unjudged: set[str] = set()
        self._base: str | None = None

    @classmethod
    def of(cls, section: AshaSection, max_t: int) -> Self:
        """Make the waves of a space."""
        return cls(
            grace_period=section.grace_period,
            reduction_factor=section.reduction_factor,
            max_t=max_t,
            controls=section.controls,
            blank=BLANK if section.metric == "score" else math.inf,
        )

    def room(self, epoch: int, opened: int | None = None) -> int:
        """Return the number of better trials at which one stops.

        Args:
            epoch: e, from g to H - 1.
            opened: n; by default that of the waves so far.
        """
        g, last, n = self.grace_period, self.max_t, self.opened if opened is None else opened
        share = math.sqrt(g / epoch * (last - epoch) / (last - g))
        return max(1, math.ceil((0.6 * n + 6) / self.reduction_factor * share - 1e-9))

    def share_beyond(self, epoch: int, planned: int) -> float:
        """Return the expected share of trials trained beyond `epoch`."""
        return min(1.0, self.room(epoch, planned) / planned) if self._is_compared(epoch) and planned else 1.0

    def spare(self, trial: str) -> None:
        """Never stop `trial`, the base configuration."""
        self._base = trial

    def waiting(self, trial: str, epoch: int, value: float) -> Waiting:
        """Return a trial as it would wait."""
        return Waiting(epoch, self._best_with(trial, value), trial)

    def enter(self, trial: str, epoch: int, value: float) -> None:
        """Enter the value of an epoch; epochs come in order."""
        best = self._best[trial] = self._best_with(trial, value)
        if self._is_compared(epoch) and trial not in self._controls:
            bisect.insort(self._reached[epoch], best)

    def judge(self, trial: str, epoch: int, value: float) -> Decision | None:
        """Judge a trial at the value of an epoch.

        Returns None if it simply continues.
        """
        if not self._is_compared(epoch) or trial in self._unjudged:
            return None
        decision = self._decision(trial, epoch, self._best_with(trial, value))
        return decision if decision.verdict != "continue" or decision.control else None

    def judge_no_more(self, trial: str, *, control: bool) -> None:
        """Let a trial continue to the end."""
        self._unjudged.add(trial)
        if control:
            self._controls.add(trial)
            self._controls_left -= 1

    def wait(self, trial: str, epoch: int) -> None:
        """Queue a trial that pauses at a rung."""
        bisect.insort(self._waiting, Waiting(epoch, self._best[trial], trial))

    def is_waiting(self, trial: str) -> bool:
        """Return whether a trial waits for a slot."""
        return any(waiting.trial == trial for waiting in self._waiting)

    def take(self, trial: str) -> None:
        """Remove a trial from those that wait."""
        self._waiting = [waiting for waiting in self._waiting if waiting.trial != trial]

    def turn(self, also: Waiting | None = None) -> tuple[list[tuple[str, Decision]], str | None]:
        """Return the next trial, and decisions on the way.

        Changes nothing. The decisions stop trials that wait and for which there is no room any more; one that spares a
        control comes last, and that control is the trial.

        Args:
            also: trial that is about to wait.
        """
        decisions: list[tuple[str, Decision]] = []
        for waiting in sorted([*self._waiting, also]) if also else self._waiting:
            if waiting.trial in self._unjudged:  # a control that was spared while it waited
                return decisions, waiting.trial
            decision = self._decision(waiting.trial, waiting.epoch, waiting.value)
            if decision.verdict == "pause":
                return decisions, waiting.trial
            decisions.append((waiting.trial, decision))
            if decision.control:
                return decisions, waiting.trial
        return decisions, None

    def _best_with(self, trial: str, value: float) -> float:
        return min(self._best.get(trial, math.inf), value)

    def _is_compared(self, epoch: int) -> bool:
        return self.grace_period <= epoch < self.max_t

    def _compared(self, epoch: int, value: float) -> float:
        """Return a value as it is compared at an epoch.

        A value that is not finite stays so.
        """
        is_early = epoch < self.grace_period * self.reduction_factor
        return self._blank if is_early and self._blank < value < math.inf else value

    def _decision(self, trial: str, epoch: int, value: float) -> Decision:
        better, room = bisect.bisect_left(self._reached[epoch], self._compared(epoch, value)), self.room(epoch)
        rung = self.milestones.index(epoch) if epoch in self.milestones else -1
        stops = better >= room and trial != self._base
        control = stops and self._controls_left > 0
        verdict: Verdict = "stop" if stops and not control else "pause" if rung >= 0 and not control else "continue"
        return Decision(rung=rung, epoch=epoch, value=value, better=better, room=room, verdict=verdict, control=control)
