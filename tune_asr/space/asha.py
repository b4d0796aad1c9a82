"""ASHA, the rule by which trials continue at rungs.

Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020.

In the paper's letters: a trial trains for at most R epochs (`max_t`). Rung k is at r * eta^(s + k) epochs, with the
`grace_period` r, the `reduction_factor` eta and the early-stopping rate s, here 0. One in eta continues at each rung.

Two departures from the paper:

- *We stop, the paper promotes.* In the paper a trial waits at its rung until enough others have arrived; here it is
  judged at once, against those before it. No trial waits or is paused, and the first full training ends after R epochs.
  The price: early arrivals are judged by few.
- *The first in a rung continues*, because there is no other to compare it with. In general max(1, floor(n / eta)) of n
  continue, so a rung is never a dead end.

A value enters a rung once, at exactly that rung's epoch, and only from the live trial: never late, after a resume. This
module knows neither Ray nor files; the `decision` events of the ledger rebuild its state.

A *control* is a trial that would stop and is trained on, to show what pruning loses. Controls are the first trials that
would stop, so they depend only on earlier decisions. A control enters no later rung: every other trial is judged as if
the control had stopped.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["continue", "stop"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Verdict on one trial at one rung."""

    rung: int
    epoch: int
    value: float
    cutoff: float
    """Worst value that continues."""
    verdict: Verdict
    control: bool = False
    """The trial would stop, and continues as a control."""


def milestones(grace_period: int, reduction_factor: int, max_t: int) -> list[int]:
    """Return the epochs of the rungs."""
    epochs: list[int] = []
    while (epoch := grace_period * reduction_factor ** len(epochs)) < max_t:
        epochs.append(epoch)
    return epochs


class Judged(Protocol):
    """Earlier decision, as far as later ones need it."""

    @property
    def epoch(self) -> int:
        """Epoch of the rung."""

    @property
    def value(self) -> float:
        """Value of the trial."""

    @property
    def control(self) -> bool | None:
        """True if the trial continued as a control."""


class Asha:
    """Rungs of one search. Lower values are better.

    Args:
        grace_period: r, epochs; at least 1.
        reduction_factor: eta, at least 2.
        max_t: R, epochs; rungs are below it, because a trial that reaches it is finished.
        controls: number of trials that continue as controls.
    """

    def __init__(self, *, grace_period: int, reduction_factor: int, max_t: int, controls: int = 0) -> None:
        self.reduction_factor = reduction_factor
        self.milestones = milestones(grace_period, reduction_factor, max_t)
        # In rising order, so that a search of many thousand trials is judged in logarithmic time.
        self._values: dict[int, list[float]] = {epoch: [] for epoch in self.milestones}
        self._controls_left = controls

    def decide(self, epoch: int, value: float) -> Decision | None:
        """Enter a value into its rung, and judge it.

        Returns None at an epoch without a rung. Do not call it for a control, which is not judged again.
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
        """Enter values of earlier decisions, without new verdicts."""
        for decision in decisions:
            self._controls_left -= bool(decision.control)
            if decision.epoch in self._values:
                bisect.insort(self._values[decision.epoch], decision.value)
