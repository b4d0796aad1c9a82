from __future__ import annotations

import math

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.scoring.counts import ErrorCounts, count_errors, objective

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


def test_objective_cuts_rates_at_one():
    assert objective(0.5, 0.2, 1.0) == pytest.approx(0.5 + 0.002 + 0.00005)
    assert objective(1.7, 1.2, 0.0) == 1.01


def test_objective_orders_ties_in_wer():
    blank_only = objective(1.0, 1.0, 3.0)
    assert objective(1.0, 1.0, 2.9) < blank_only
    assert objective(1.03, 0.85, 3.1) < blank_only


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0, 1e300))
def test_objective_stays_in_range(wer, cer, loss):
    assert 0 <= objective(wer, cer, loss) <= 1.0101


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_objective_of_non_finite_is_infinite(bad, place):
    values = [0.5, 0.5, 0.5]
    values[place] = bad
    assert objective(*values) == math.inf
