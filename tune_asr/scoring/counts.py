"""Errors of a recogniser, as integers that add up: WER and CER are ratios of corpus sums, never means of ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Counts over one utterance or many; counts of many are the sum of the counts of each.

    Attributes:
        words: words of the references.
        substitutions: words replaced in the alignment with the fewest errors.
        deletions: words of the references that are missing.
        insertions: words of the hypotheses that are too many.
        characters: characters of the references, spaces between words included.
        character_errors: substitutions, deletions and insertions of characters.
    """

    words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    characters: int = 0
    character_errors: int = 0

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        # In so many words: over ten thousand utterances `dataclasses.astuple` takes a quarter of a second.
        return ErrorCounts(
            self.words + other.words,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.characters + other.characters,
            self.character_errors + other.character_errors,
        )

    @property
    def word_errors(self) -> int:
        """Substitutions, deletions and insertions of words."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def wer(self) -> float:
        """The word error rate, which may exceed 1; where the references have no words, the number of insertions."""
        return self.word_errors / max(1, self.words)

    @property
    def cer(self) -> float:
        """The character error rate, with the same conventions as `wer`."""
        return self.character_errors / max(1, self.characters)


def count_errors(reference: str, hypothesis: str) -> ErrorCounts:
    """Count the errors of `hypothesis`, as jiwer's `process_words` and `process_characters` do.

    White space at either end never counts.
    """
    reference_words, hypothesis_words = reference.split(), hypothesis.split()
    edits = [edit.tag for edit in Levenshtein.editops(reference_words, hypothesis_words)]
    return ErrorCounts(
        words=len(reference_words),
        substitutions=edits.count("replace"),
        deletions=edits.count("delete"),
        insertions=edits.count("insert"),
        characters=len(reference.strip()),
        character_errors=Levenshtein.distance(reference.strip(), hypothesis.strip()),
    )


def objective(wer: float, cer: float, loss: float) -> float:
    """Return the number by which unfinished trials are ranked: lower is better.

    Early in CTC training WER and CER sit at 1, or above it, for good and bad settings alike. So both are cut at 1, CER
    counts a hundredth of WER and tells apart those that tie in it, and the loss does so for those that tie in both.

    Args:
        wer: word error rate, a fraction.
        cer: character error rate, a fraction.
        loss: L, nats a token, not negative.

    Returns:
        min(WER, 1) + 1e-2 min(CER, 1) + 1e-4 L / (1 + L), or infinity where any of the three is not finite.
    """
    if not (math.isfinite(wer) and math.isfinite(cer) and math.isfinite(loss)):
        return math.inf
    return min(wer, 1.0) + 1e-2 * min(cer, 1.0) + 1e-4 * loss / (1.0 + loss)
