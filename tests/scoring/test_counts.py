from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.scoring.counts import ErrorCounts, count_errors

texts = st.text("ab c", max_size=30)
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=6)


@given(pairs)
def test_counts_equal_jiwers(corpus):
    counts = sum((count_errors(*pair) for pair in corpus), ErrorCounts())
    references, hypotheses = [list(side) for side in zip(*corpus, strict=True)]
    words = jiwer.process_words(references, hypotheses)
    assert counts.words == words.hits + words.substitutions + words.deletions
    assert (counts.substitutions, counts.deletions, counts.insertions) == (
        words.substitutions,
        words.deletions,
        words.insertions,
    )
    assert counts.wer == words.wer
    assert counts.cer == jiwer.cer(references, hypotheses)


def test_corpus_rate_is_ratio_of_sums():
    corpus = count_errors("a", "b") + count_errors("a b c d e f g h i", "a b c d e f g h i")
    assert corpus.wer == pytest.approx(0.1)


def test_rates_without_references_are_finite():
    assert count_errors("", "").wer == 0
    assert count_errors(" ", "two words").wer == 2
    assert count_errors("", "four").cer == 4
