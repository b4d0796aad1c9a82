"""Figures of repeated searches on a table, with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from tests.simulation.draws import Draw
from tests.simulation.simulated import Outcome, Searcher, simulate

NEAR = 0.01
"""Difference of error rates below which a pick counts as the best."""


Rule = Callable[[Draw], Searcher]
"""Way to search."""


def outcomes(rule: Rule, repeats: Iterator[Draw]) -> list[Outcome]:
    """Search once per draw."""
    return [simulate(rule(draw), draw.table, draw.trials, draw.slots) for draw in repeats]


@dataclass(frozen=True, slots=True)
class Figure:
    """Mean over repeats, with its 95 % interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Make the percentile bootstrap of a mean."""
        drawn = np.random.default_rng(0).choice(values, (2_000, len(values)))
        low, high = np.quantile(drawn.mean(axis=1), (0.025, 0.975))
        return cls(mean(values), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.mean:.3f} ±{max(self.mean - self.low, self.high - self.mean):.3f}".replace("0.", ".")


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of one rule at one number of trials."""

    share: Figure
    """Epochs spent, of those of as many whole trainings."""
    kept: Figure
    """Share of repeats whose pick is within `NEAR` of the best of the same trials."""
    lost: Figure
    """Error rate of the pick, less that of the best of the same trials."""
    found: Figure
    """Share of repeats whose pick is within `NEAR` of the best of the table."""
    regret: Figure
    """Error rate of the pick, less that of the best of the table."""
    fulls: Figure
    """Epochs spent, in whole trainings."""
    busy: Figure
    """Share of the time of the slots spent on epochs."""

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], slots: int = 2) -> Quality:
        """Make the figures of repeats."""
        lost = [outcome.regret(list(outcome.epochs)) for outcome in outcomes]
        regret = [outcome.regret() for outcome in outcomes]
        return cls(
            share=Figure.of([outcome.share for outcome in outcomes]),
            kept=Figure.of([float(value <= NEAR) for value in lost]),
            lost=Figure.of(lost),
            found=Figure.of([float(value <= NEAR) for value in regret]),
            regret=Figure.of(regret),
            fulls=Figure.of([outcome.fulls for outcome in outcomes]),
            busy=Figure.of([outcome.busy / (outcome.seconds * slots) for outcome in outcomes]),
        )

    def __str__(self) -> str:
        figures = (self.share, self.kept, self.lost, self.found, self.regret)
        return "".join(f"{figure!s:>12}" for figure in figures) + f"{self.fulls.mean:>6.1f}"


HEADINGS = "".join(f"{name:>12}" for name in ("share", "kept", "lost", "found", "regret")) + f"{'fulls':>6}"


def regret_after(outcomes: Sequence[Outcome], fulls: float) -> Figure:
    """Return the regret once so many whole trainings are spent, or at the end of a search."""
    spent = [min(len(outcome.best), round(fulls * outcome.table.horizon)) for outcome in outcomes]
    return Figure.of([each.best[after - 1] - each.table.best for each, after in zip(outcomes, spent, strict=True)])
