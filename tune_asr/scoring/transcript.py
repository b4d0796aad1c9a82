"""Reference and hypothesis of an utterance, with their errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tune_asr.scoring.counts import ErrorCounts, count_errors


@dataclass(frozen=True)
class Transcript:
    """Reference and hypothesis of one utterance."""

    id: str
    reference: str
    """Normalised text of the data."""
    hypothesis: str
    """Text of the recogniser."""

    @cached_property
    def counts(self) -> ErrorCounts:
        """Word and character errors, counted once."""
        return count_errors(self.reference, self.hypothesis)
