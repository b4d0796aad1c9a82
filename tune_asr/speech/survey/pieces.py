"""A surveyed corpus written in word pieces instead of characters."""

from __future__ import annotations

from dataclasses import replace

from tune_asr.errors import Problem
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.text.pieces import learn_pieces


def with_pieces(found: Survey, vocab_size: int) -> Survey:
    """Return a survey whose corpus is written in word pieces.

    Args:
        found: survey of a corpus of characters.
        vocab_size: number of symbols, the blank among them. Where the training references cannot make so many, or so
            few, the vocabulary has the nearest possible size, and the survey holds the reason.
    """
    vocabulary = learn_pieces((utterance.text for utterance in found.corpus.train), vocab_size)
    if vocabulary is None:
        return found
    corpus = replace(found.corpus, vocabulary=vocabulary)
    what = f"text.vocab_size is {vocab_size:,}, but the training references make at"
    size = len(vocabulary)
    if size > vocab_size:
        hint = "raise it: each of their characters takes a symbol, and so do the space and the blank"
        return replace(found, corpus=corpus, impossible=(Problem("", f"{what} least {size:,} symbols", hint),))
    if size < vocab_size:
        hint = "lower it, and far below that: at that number every word is one piece"
        return replace(found, corpus=corpus, misfit=(Problem("", f"{what} most {size:,} symbols", hint),))
    return replace(found, corpus=corpus)
