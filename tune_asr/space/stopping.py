"""ASHA in its stopping variant, `asha.mode: stop`.

Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020; letters as in `asha`. One in eta continues
at each rung.

Two departures from the paper:

- *We stop, the paper promotes.* In the paper a trial waits at its rung until enough others have arrived; here it is
  judged at once, against those before it. No trial waits or is paused, and the first full training ends after R epochs.
  The price: early arrivals are judged by few.
- *The first in a rung continues*, because there is no other to compare it with. In general max(1, floor(n / eta)) of n
  continue, so a rung is never a dead end.

A value enters a rung once, at exactly that rung's epoch, and only from the live trial: never late, after a resume. The
`decision` events of the ledger rebuild the state.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Protocol

from tune_asr.space.asha import Decision, Verdict, milestones


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

    def decide(self, epoch: int, value: float, *, spared: bool = False) -> Decision | None:
        """Judge a value, and enter it into its rung."""
        decision = self.judge(epoch, value, spared=spared)
        self.replay([decision] if decision else [])
        return decision

    def judge(self, epoch: int, value: float, *, spared: bool = False) -> Decision | None:
        """Judge a value that is not in its rung yet.

        Returns None at an epoch without a rung. Do not call it for a control, which is not judged again.

        Args:
            epoch: epoch of the report.
            value: value of the trial.
            spared: whether the trial is the base configuration, which is never stopped.
        """
        if epoch not in self._values:
            return None
        values = self._values[epoch]
        place = max(1, (len(values) + 1) // self.reduction_factor) - 1
        cutoff = _with(values, value, place)
        stops = value > cutoff and not spared
        control = stops and self._controls_left > 0
        verdict: Verdict = "stop" if stops and not control else "continue"
        rung = self.milestones.index(epoch)
        return Decision(rung=rung, epoch=epoch, value=value, cutoff=cutoff, verdict=verdict, control=control)

    def share_beyond(self, epoch: int, planned: int) -> float:
        """Return the expected share of trials trained beyond `epoch`."""
        return float(self.reduction_factor) ** -bisect.bisect_right(self.milestones, epoch)

    def replay(self, decisions: Iterable[Judged]) -> None:
        """Enter values of earlier decisions, without new verdicts."""
        for decision in decisions:
            self._controls_left -= bool(decision.control)
            if decision.epoch in self._values:
                bisect.insort(self._values[decision.epoch], decision.value)


def _with(values: Sequence[float], value: float, place: int) -> float:
    """Return the item at a place with `value` sorted in."""
    before = bisect.bisect_right(values, value)
    return value if place == before else values[place - (place > before)]
