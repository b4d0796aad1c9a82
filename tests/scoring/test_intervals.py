"""Bootstrap intervals: coverage, symmetry, extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.scoring import intervals as statistics
from tune_asr.scoring.intervals import paired_difference, rate_interval

counts = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), min_size=1, max_size=30)


def errors_of(generator, utterances, words):
    """Errors of a system at WER 0.3, correlated within utterances."""
    return generator.binomial(words, generator.beta(0.9, 2.1, utterances))


@pytest.mark.parametrize("utterances", [30, 80])
def test_interval_covers_true_rate(utterances):
    """Intervals hold the true rate in 95 % of searches."""
    generator = np.random.default_rng(3)
    searches = 1500
    covered = 0
    for seed in range(searches):
        words = generator.integers(1, 14, utterances)
        low, high = rate_interval(errors_of(generator, utterances, words), words, replicates=400, seed=seed)
        covered += low <= 0.3 <= high
    assert 0.93 <= covered / searches <= 0.97


@pytest.mark.parametrize("utterances", [30, 80])
def test_equal_systems_seldom_differ(utterances):
    """Differences are false in 5 % of searches."""
    generator = np.random.default_rng(4)
    searches = 1500
    positive = 0
    for seed in range(searches):
        words = generator.integers(1, 14, utterances)
        hard = generator.beta(0.9, 2.1, utterances)  # for both alike: that is what pairing takes away
        a, b = generator.binomial(words, hard), generator.binomial(words, hard)
        low, high, _ = paired_difference(a, b, words, replicates=400, seed=seed)
        positive += low > 0 or high < 0
    assert 0.03 <= positive / searches <= 0.07


def test_interval_is_textbook_bootstrap():
    generator = np.random.default_rng(5)
    words = generator.integers(1, 20, 200)
    errors = generator.binomial(words, 0.3)
    draws = generator.integers(0, 200, (20_000, 200))
    rates = errors[draws].sum(1) / words[draws].sum(1)
    assert rate_interval(errors, words) == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=2e-3)


@settings(deadline=None)
@given(counts, st.randoms())
def test_interval_ignores_utterance_order(rows, random):
    """It lies between the rates of single utterances."""
    errors, words = zip(*rows, strict=True)
    low, high = rate_interval(errors, words, replicates=200)
    assert min(e / w for e, w in rows) <= low <= high <= max(e / w for e, w in rows)
    shuffled = random.sample(rows, len(rows))
    assert rate_interval(*zip(*shuffled, strict=True), replicates=200) == (low, high)


def test_interval_narrows_with_less_confidence():
    """It may exceed 1."""
    errors, words = [5, 0, 9, 3], [2, 3, 4, 1]
    low, high = rate_interval(errors, words)
    inner = rate_interval(errors, words, confidence=0.5)
    assert high > 1
    assert low < inner[0] < inner[1] < high


def test_interval_does_not_depend_on_chunks(monkeypatch):
    errors, words = np.arange(300) % 17, 5 + np.arange(300) % 23
    whole = rate_interval(errors, words)
    monkeypatch.setattr(statistics, "_DRAWS_AT_ONCE", 1000)
    assert rate_interval(errors, words) == pytest.approx(whole, abs=1e-12)


def test_no_division_by_zero_words():
    assert rate_interval([0, 0], [0, 0]) == (0.0, 0.0)


def test_pairing_beats_overlapping_intervals():
    generator = np.random.default_rng(7)
    words = np.full(200, 10)
    hard = generator.integers(0, 9, 200)  # the utterances differ far more than the systems do
    better, worse = hard, hard + (generator.random(200) < 0.3)
    low, high, probability = paired_difference(better, worse, words)
    assert low < high < 0
    assert probability > 0.999
    assert rate_interval(better, words)[1] > rate_interval(worse, words)[0]


@settings(deadline=None)
@given(counts)
def test_paired_difference_of_extremes(rows):
    """Systems tie with themselves and lose to better ones."""
    errors, words = map(np.array, zip(*rows, strict=True))
    assert paired_difference(errors, errors, words, replicates=100) == (0.0, 0.0, 0.5)
    low, high, probability = paired_difference(errors, errors + 1, words, replicates=100)
    assert (low < 0, high < 0, probability) == (True, True, 1.0)
    low, high, probability = paired_difference(errors + 1, errors, words, replicates=100)
    assert (low > 0, high > 0, probability) == (True, True, 0.0)
