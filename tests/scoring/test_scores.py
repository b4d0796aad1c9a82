"""Ranks of unfinished trials."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.scoring.scores import objective, score


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
@pytest.mark.parametrize("rank", [objective, score])
def test_rank_of_non_finite_is_infinite(rank, bad, place):
    values = [0.5, 0.5, 0.5]
    values[place] = bad
    assert rank(*values) == math.inf
