"""Scores of one epoch, and their order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Score = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Rate = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the validation after one epoch.

    Lower is better. None stands for a number that is not finite.
    """

    val_wer: Rate | None
    """Word errors per word of the references; may exceed 1."""
    val_cer: Rate | None
    """Character errors per character of the references; may exceed 1."""
    val_loss: Score | None
    """Nats per token."""
    objective: Score | None
    """Rank of `asha.metric: objective`; see `counts.objective`."""
    score: Score | None = None
    """Rank of `asha.metric: score`; see `counts.score`. Release 0.1.0 did not write it."""

    def get(self, name: str) -> float | None:
        """Return a score by its name."""
        score: float | None = getattr(self, name)
        return score

    def value(self, name: str) -> float:
        """Return a score by its name, infinity for None."""
        score = self.get(name)
        return math.inf if score is None else score

    def order(self, metric: str) -> tuple[tuple[bool, float], ...]:
        """Return a sort key, best first.

        It compares the metric, then CER, then loss. None comes last.
        """
        values = (self.get(metric), self.val_cer, self.val_loss)
        return tuple((value is None, 0.0 if value is None else value) for value in values)
