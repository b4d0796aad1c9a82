"""Differences of means over seeds, against tables and repeated measurements."""

import math

import numpy as np
import pytest

from tune_asr.scoring.spread import difference_of_means, standard_error, t_quantile


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (10, 2.2281), (30, 2.0423), (math.inf, 1.9600)],
)
def test_quantile_equals_printed_tables(freedom, expected):
    assert t_quantile(0.975, freedom) == pytest.approx(expected, abs=3e-4)


def test_standard_error_of_single_words():
    errors = np.array([k % 2 for k in range(100)])
    assert standard_error(errors, np.ones(100, int)) == pytest.approx(math.sqrt(0.25 / 99))


def test_interval_of_two_equal_spreads():
    """Student's interval with four degrees of freedom."""
    found = difference_of_means([0.40, 0.41, 0.42], [0.50, 0.51, 0.52])
    half = 2.7764 * math.sqrt(2 * 0.01**2 / 3)
    assert found.mean == pytest.approx(-0.1)
    assert (found.low, found.high) == pytest.approx((-0.1 - half, -0.1 + half), abs=1e-5)
    assert found.is_sure


def test_utterances_widen_the_interval():
    alone = difference_of_means([0.40, 0.41, 0.42], [0.50, 0.51, 0.52])
    both = difference_of_means([0.40, 0.41, 0.42], [0.50, 0.51, 0.52], 0.05)
    assert both.mean == alone.mean
    assert both.low < alone.low < alone.high < both.high
    assert both.high - both.mean == pytest.approx(1.96 * 0.05, rel=0.05)


def test_single_seeds_show_no_spread():
    found = difference_of_means([0.4], [0.5], 0.01)
    assert (found.low, found.high, found.is_sure) == (-math.inf, math.inf, False)
    assert difference_of_means([0.4, 0.41], [0.5]).high < math.inf
    assert not difference_of_means([0.4, 0.4], [0.4, 0.4]).is_sure


def test_interval_covers_the_true_difference():
    """In 95 % of searches, over seeds that spread unlike."""
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        first, second = generator.normal(0.40, 0.01, 3), generator.normal(0.43, 0.02, 3)
        shift = generator.normal(0, 0.01)
        found = difference_of_means(list(first + shift), list(second), 0.01)
        hits += found.low <= -0.03 <= found.high
    assert 0.94 < hits / 2000 < 0.985
