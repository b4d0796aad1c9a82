"""Outcome of a validation pass: decoded utterances, their error counts, and shares of silence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tune_asr.scoring.counts import ErrorCounts


@dataclass(frozen=True, slots=True)
class UtteranceResult:
    """One decoded utterance."""

    id: str
    reference: str
    hypothesis: str
    counts: ErrorCounts


@dataclass(frozen=True)
class ValidationOutcome:
    """Result of one validation pass."""

    utterances: tuple[UtteranceResult, ...]
    """In the order of the validation data."""
    blank_share: float
    """Share of output frames whose best symbol is the blank."""

    @cached_property
    def counts(self) -> ErrorCounts:
        """Error counts, summed over the utterances."""
        return sum((utterance.counts for utterance in self.utterances), ErrorCounts())

    @property
    def empty_share(self) -> float:
        """Share of hypotheses without a word."""
        return sum(not utterance.hypothesis.strip() for utterance in self.utterances) / max(1, len(self.utterances))
