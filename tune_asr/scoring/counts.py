"""Error counts as integers.

WER and CER are ratios of sums over a corpus, never means of ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Counts over one utterance, or their sum over many."""

    words: int = 0
    """Words of the references."""
    substitutions: int = 0
    """Replaced words, in the alignment with the fewest errors."""
    deletions: int = 0
    """Missing words of the references."""
    insertions: int = 0
    """Additional words of the hypotheses."""
    characters: int = 0
    """Characters of the references, spaces between words included."""
    character_errors: int = 0
    """Substitutions, deletions and insertions of characters."""

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        # `dataclasses.astuple` would take a quarter of a second over ten thousand utterances.
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
        """Word error rate; may exceed 1.

        The number of insertions if the references have no words.
        """
        return self.word_errors / max(1, self.words)

    @property
    def cer(self) -> float:
        """Character error rate, with the conventions of `wer`."""
        return self.character_errors / max(1, self.characters)


def count_errors(reference: str, hypothesis: str) -> ErrorCounts:
    """Count the errors of `hypothesis`, like jiwer's `process_words` and `process_characters`.

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
