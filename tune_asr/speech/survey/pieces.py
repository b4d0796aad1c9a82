"""Word pieces as the vocabulary of a surveyed corpus."""

from __future__ import annotations

from dataclasses import replace

from tune_asr.errors import Problem
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.text.pieces import learn_pieces


def with_pieces(found: Survey, vocab_size: int) -> Survey:
    """Return the survey with word pieces as vocabulary.

    Args:
        found: survey of a corpus of characters.
        vocab_size: number of symbols, blank included. If the training references cannot make so many, or so few, the
            vocabulary has the nearest possible size, and the survey a problem.
    """
    vocabulary = learn_pieces((utterance.text for utterance in found.corpus.train), vocab_size)
    if vocabulary is None:
        return found
    size = len(vocabulary)
    what = f"text.vocab_size is {vocab_size:,}, but the training references make at"
    problems = found.problems
    if size > vocab_size:
        hint = "Raise it: each of their characters takes a symbol, as do the space and the blank."
        problems += (Problem("", f"{what} least {size:,} symbols", hint, "setting"),)
    elif size < vocab_size:
        hint = "Lower it, and far: at that number every word is one piece."
        problems += (Problem("", f"{what} most {size:,} symbols", hint, "vocabulary"),)
    return replace(found, corpus=replace(found.corpus, vocabulary=vocabulary), problems=problems)
