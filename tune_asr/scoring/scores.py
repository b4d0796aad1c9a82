"""Scores of one epoch, their order, and the ranks made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the validation after one epoch.

    Lower is better. None stands for a number that is not finite.
    """

    val_wer: NotNegative | None
    """Word errors per word of the references; may exceed 1."""
    val_cer: NotNegative | None
    """Character errors per character of the references; may exceed 1."""
    val_loss: Finite | None
    """Nats per token."""
    objective: Finite | None
    """Rank of `asha.metric: objective`; see `objective`."""
    score: Finite | None = None
    """Rank of `asha.metric: score`; see `score`. Release 0.1.0 did not write it."""

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


def objective(wer: float, cer: float, loss: float) -> float:
    """Return the rank of an unfinished trial; lower is better.

    Early in CTC training WER and CER are 1 or more for good and bad settings alike. So both are cut at 1, CER counts a
    hundredth of WER and orders ties in it, and the loss orders ties in both.

    Args:
        wer: word error rate, as a fraction.
        cer: character error rate, as a fraction.
        loss: L, in nats a token, not negative.

    Returns:
        min(WER, 1) + 1e-2 min(CER, 1) + 1e-4 L / (1 + L), or infinity if any of the three is not finite.
    """
    if not (math.isfinite(wer) and math.isfinite(cer) and math.isfinite(loss)):
        return math.inf
    return min(wer, 1.0) + 1e-2 * min(cer, 1.0) + 1e-4 * loss / (1.0 + loss)


def score(error_rate: float, cer: float, loss: float) -> float:
    """Return the rank of an unfinished trial; lower is better.

    WER and CER count alike. On recorded trainings this keeps the best trial more often than `objective`, because CER
    orders trials long before their words are right.

    Args:
        error_rate: error rate that chooses the winner, WER or CER, as a fraction.
        cer: character error rate, as a fraction.
        loss: L, in nats a token, not negative.

    Returns:
        min(error rate, 1) + min(CER, 1) + 1e-2 L / (1 + L), or infinity if any of the three is not finite.
    """
    if not (math.isfinite(error_rate) and math.isfinite(cer) and math.isfinite(loss)):
        return math.inf
    return min(error_rate, 1.0) + min(cer, 1.0) + 1e-2 * loss / (1.0 + loss)
