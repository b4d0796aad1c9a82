"""Finest difference of error rates that validation can show, before any training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tune_asr.scoring.metric import Metric, metric_name
from tune_asr.wording import count

NORMAL = 1.96
"""Standard errors on each side of the middle 95 %."""
RATES = (0.5, 0.2, 0.05)
"""Error rates near which the difference is given."""
FEWEST = 500
"""Words or characters below which validation is a coarse ruler."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """Size of the validation references.

    Every word is taken to err by chance and alone. Errors that come together spread more, so the differences are the
    least.
    """

    metric: Metric
    units: int
    """Words under `val_wer`, characters under `val_cer`."""
    utterances: int

    @classmethod
    def of(cls, references: Sequence[str], metric: Metric) -> Ruler:
        """Measure references."""
        sizes = (len(text.split()) if metric == "val_wer" else len(text) for text in references)
        return cls(metric, sum(sizes), len(references))

    @property
    def unit(self) -> Literal["word", "character"]:
        """Name of a unit."""
        return "word" if self.metric == "val_wer" else "character"

    @property
    def is_coarse(self) -> bool:
        """True if the references are short."""
        return self.units < FEWEST

    def points(self, rate: float) -> float:
        """Return the smallest significant difference near a rate, in points."""
        return 100 * NORMAL * math.sqrt(2 * rate * (1 - rate) / max(1, self.units))

    def __str__(self) -> str:
        first, *others = RATES
        size = f"{count(self.units, self.unit)} in {count(self.utterances, 'utterance')}"
        closer = f"{self.points(first):.1f} points of {metric_name(self.metric)}"
        near = [f"near {100 * first:.0f} %", *(f"{self.points(rate):.1f} near {100 * rate:.0f} %" for rate in others)]
        return f"{size}: settings closer than {closer} cannot be told apart {', '.join(near)}"
