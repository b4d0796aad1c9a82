"""ASHA: who goes on at a rung (Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020).

The paper's letters: a trial trains for at most R epochs (`max_t`); rung k stands at r * eta^(s + k) epochs, where r is
the `grace_period`, eta the `reduction_factor` and s the early-stopping rate, here 0; at each rung 1 in eta goes on.

Departures from the paper, both named after what they buy:

- *We stop, the paper promotes.* There, a trial waits at its rung until enough others have come to it; here it is judged
  as it arrives, against those that came before. Nothing waits, nothing is paused, and the first full training is done
  after R epochs. The price: early arrivals are judged by few.
- *The first in a rung goes on*: it has nobody to be compared with. More generally max(1, floor(n / eta)) of n go on, so
  that a rung is never a dead end.

A value enters a rung once, at exactly that rung's epoch, and only from the live trial: never a late one after a resume.
This module knows neither Ray nor files; the ledger's `decision` events rebuild it.

A *control* is a trial that would stop and is trained on all the same, to see what pruning loses. The first ones that
would stop are it: who is a control then depends on nothing but the decisions before. A control enters no later rung, so
every other trial is judged as if the control had stopped.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["continue", "stop"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one trial at one rung: its value against the worst value that goes on."""

    rung: int
    epoch: int
    value: float
    cutoff: float
    verdict: Verdict
    control: bool = False
    """It would stop, and goes on as a control."""


class Judged(Protocol):
    """A decision made before, as far as later ones depend on it."""

    @property
    def epoch(self) -> int:
        """Epoch of the rung."""

    @property
    def value(self) -> float:
        """Value of the trial."""

    @property
    def control(self) -> bool | None:
        """Whether the trial continued as a control."""


class Asha:
    """The rungs of one search. Lower values are better.

    Args:
        grace_period: r, epochs; at least 1.
        reduction_factor: eta, at least 2.
        max_t: R, epochs; no rung stands at or above it, since a trial that reaches it is finished.
        controls: how many trials go on that would stop.
    """

    def __init__(self, *, grace_period: int, reduction_factor: int, max_t: int, controls: int = 0) -> None:
        self.reduction_factor = reduction_factor
        self.milestones: list[int] = []
        while grace_period * reduction_factor ** len(self.milestones) < max_t:
            self.milestones.append(grace_period * reduction_factor ** len(self.milestones))
        # Values in rising order: a search of many thousand trials is judged in logarithmic time.
        self._values: dict[int, list[float]] = {epoch: [] for epoch in self.milestones}
        self._controls_left = controls

    def decide(self, epoch: int, value: float) -> Decision | None:
        """Enter a trial's value into the rung at `epoch`, and judge it; None where no rung stands there.

        Not for a control: it has been judged for the last time.
        """
        if epoch not in self._values:
            return None
        values = self._values[epoch]
        bisect.insort(values, value)
        cutoff = values[max(1, len(values) // self.reduction_factor) - 1]
        control = value > cutoff and self._controls_left > 0
        self._controls_left -= control
        verdict: Verdict = "continue" if value <= cutoff or control else "stop"
        return Decision(self.milestones.index(epoch), epoch, value, cutoff, verdict, control)

    def replay(self, decisions: Iterable[Judged]) -> None:
        """Enter the values of earlier decisions, in their order, without judging them again."""
        for decision in decisions:
            self._controls_left -= bool(decision.control)
            if decision.epoch in self._values:
                bisect.insort(self._values[decision.epoch], decision.value)
