"""Reference and hypothesis of an utterance, with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tune_asr.scoring.counts import ErrorCounts, count_errors
from tune_asr.scoring.metric import Metric


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


def errors_and_sizes(transcripts: Sequence[Transcript], metric: Metric) -> tuple[list[int], list[int]]:
    """Return errors and reference sizes of a metric, by utterance."""
    counts = [transcript.counts for transcript in transcripts]
    if metric == "val_wer":
        return [c.word_errors for c in counts], [c.words for c in counts]
    return [c.character_errors for c in counts], [c.characters for c in counts]
