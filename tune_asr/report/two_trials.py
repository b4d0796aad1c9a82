"""Sentence on two trials: which one is better on the same utterances."""

from __future__ import annotations

from tune_asr.record.utterances import Utterances
from tune_asr.scoring.comparison import comparison


def first_against_second(
    first: Utterances | None, second: Utterances | None, names: tuple[str, str] = ("the first", "the second")
) -> str:
    """Return a sentence on which of two trials is better.

    Args:
        first: utterances of one trial, None if they are not kept.
        second: utterances of the other.
        names: names of the two in the sentence.
    """
    one, other = names
    if first is None or second is None:
        return f"Whether {one} beats {other} is not known: their utterances are not kept."
    if first.ids != second.ids:
        return f"Whether {one} beats {other} is not known: they were not scored on the same utterances."
    return comparison(first.errors, second.errors, first.words, names=names)
