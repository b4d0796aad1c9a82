"""Bounds and frequencies of drawn values."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tune_asr.space.distributions import KINDS, parse

QUANTILES = st.floats(0, 1, exclude_max=True)
NUMBERS = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
POSITIVE = st.integers(1, 1000) | st.floats(1e-12, 1e6)
ENDS = (0.0, math.nextafter(1.0, 0.0))


def grid_of(kind: str, low: float, high: float, size: int = 10_000) -> list[float]:
    """Return values at `size` evenly spaced quantiles."""
    distribution = parse({kind: [low, high]})
    return [distribution.at((i + 0.5) / size) for i in range(size)]


@given(QUANTILES, NUMBERS, NUMBERS)
def test_uniform_excludes_upper_bound(u, low, high):
    assume(low < high)
    distribution = parse({"uniform": [low, high]})
    assert all(low <= distribution.at(v) < high for v in (u, *ENDS))


@given(QUANTILES, POSITIVE, POSITIVE)
def test_loguniform_excludes_upper_bound(u, low, high):
    assume(low < high)
    distribution = parse({"loguniform": [low, high]})
    assert all(low <= distribution.at(v) < high for v in (u, *ENDS))


@given(QUANTILES, st.integers(-(10**12), 10**12), st.integers(1, 10**12))
def test_randint_excludes_upper_bound(u, low, width):
    distribution = parse({"randint": [low, low + width]})
    for v in (u, *ENDS):
        assert low <= distribution.at(v) < low + width
        assert type(distribution.at(v)) is int


@given(QUANTILES, st.integers(1, 10**6), st.integers(1, 10**12))
def test_lograndint_excludes_upper_bound(u, low, width):
    distribution = parse({"lograndint": [low, low + width]})
    for v in (u, *ENDS):
        assert low <= distribution.at(v) < low + width
        assert type(distribution.at(v)) is int


@given(
    QUANTILES,
    st.sampled_from(["quniform", "qloguniform"]),
    st.integers(1, 10**6),
    st.integers(1, 500),
    st.integers(1, 500),
)
def test_whole_steps_give_whole_multiples(u, kind, q, first, steps):
    low, high = first * q, (first + steps) * q
    distribution = parse({kind: [low, high, q]})
    assert low <= distribution.at(u) <= high
    assert distribution.at(u) % q == 0 and type(distribution.at(u)) is int
    assert (distribution.at(ENDS[0]), distribution.at(ENDS[1])) == (low, high)


@given(
    QUANTILES,
    st.sampled_from(["quniform", "qloguniform"]),
    st.sampled_from(["0.1", "0.3", "0.05", "0.007", "2.5"]),
    st.integers(1, 10**5),
    st.integers(1, 10**5),
)
def test_decimal_steps_give_decimal_multiples(u, kind, step, first, steps):
    """For example 0.3 instead of 0.30000000000000004."""
    q = Fraction(step)
    low, high = first * q, (first + steps) * q
    value = parse({kind: [float(low), float(high), float(q)]}).at(u)
    assert low <= Fraction(repr(value)) <= high
    assert Fraction(repr(value)) % q == 0


@given(st.sampled_from(["uniform", "loguniform", "randint", "lograndint"]), st.lists(QUANTILES, min_size=2, max_size=9))
def test_values_rise_with_quantile(kind, quantiles):
    values = [parse({kind: [2, 50]}).at(u) for u in sorted(quantiles)]
    assert values == sorted(values)


def test_uniform_quantiles_are_even():
    values = grid_of("uniform", 2, 6)
    assert [values[2500], values[5000], values[7500]] == pytest.approx([3, 4, 5], abs=1e-3)


def test_loguniform_quantiles_are_even_in_log():
    values = grid_of("loguniform", 1e-4, 1e-1)
    assert [sum(low <= value < 10 * low for value in values) for low in (1e-4, 1e-3, 1e-2)] == pytest.approx(
        [3333] * 3, abs=2
    )


def test_randint_values_equally_likely():
    assert Counter(grid_of("randint", 4, 9)) == {4: 2000, 5: 2000, 6: 2000, 7: 2000, 8: 2000}


def test_lograndint_follows_logarithm():
    counts = Counter(grid_of("lograndint", 1, 9))
    expected = {n: 10_000 * math.log((n + 1) / n) / math.log(9) for n in range(1, 9)}
    assert counts == pytest.approx(expected, abs=1.01)


def test_quniform_ends_half_as_likely():
    distribution = parse({"quniform": [0, 4, 1]})
    assert Counter(distribution.at((i + 0.5) / 800) for i in range(800)) == {0: 100, 1: 200, 2: 200, 3: 200, 4: 100}


@pytest.mark.parametrize("kind", ["choice", "grid_search"])
def test_listed_values_equally_likely(kind):
    values = ["a", None, [0.9, 0.98], 4]
    drawn = [parse({kind: values}).at((i + 0.5) / 400) for i in range(400)]
    assert [drawn.count(value) for value in values] == [100] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_probes_hold_lowest_and_highest(kind):
    arguments = [2, 8, 2] if kind.startswith("q") else [2, 8]
    distribution = parse({kind: arguments})
    drawn = [distribution.at(u) for u in (ENDS[0], 0.3, 0.6, ENDS[1])]
    assert min(distribution.probes) == min(drawn) and max(distribution.probes) == max(drawn)
    assert distribution.is_grid == (kind == "grid_search")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.1, "is 0.1, but must be a distribution, such as {uniform: [0.0, 0.3]}"),
        (None, "is null, but must be a distribution"),
        ([1, 2], "is [1, 2], but must be a distribution"),
        ({}, "holds 0 keys, but must be one distribution"),
        ({"uniform": [0, 1], "choice": [1]}, "holds 2 keys, but must be one distribution"),
        (
            {"unifrm": [0, 1]},
            "unifrm is not a distribution; known: uniform, quniform, loguniform, qloguniform, randint,",
        ),
        ({"uniform": 5}, "uniform takes a list, but was given 5"),
        ({"choice": {"a": 1}}, "choice takes a list, but was given a mapping"),
        ({"choice": []}, "choice is empty, but must have at least one value"),
        ({"grid_search": []}, "grid_search is empty"),
        ({"uniform": [1]}, "uniform takes [low, high], but was given 1 values"),
        ({"uniform": [0, 1, 2]}, "uniform takes [low, high], but was given 3 values"),
        ({"quniform": [0, 1]}, "quniform takes [low, high, q], but was given 2 values"),
        ({"uniform": ["a", 1]}, "uniform takes finite numbers, but was given 'a'"),
        ({"uniform": [True, 2]}, "uniform takes finite numbers, but was given true"),
        ({"uniform": [0, math.inf]}, "uniform takes finite numbers, but was given inf"),
        ({"uniform": [math.nan, 1]}, "uniform takes finite numbers, but was given nan"),
        ({"uniform": [1, 0]}, "uniform: low must be below high, but low is 1 and high is 0"),
        ({"loguniform": [1, 1]}, "loguniform: low must be below high, but low is 1 and high is 1"),
        (
            {"randint": [3, 3]},
            "randint: low must be below high (high is excluded, as in Ray), but low is 3 and high is 3",
        ),
        ({"lograndint": [3, 3]}, "lograndint: low must be below high (high is excluded, as in Ray)"),
        ({"uniform": [-1e308, 1e308]}, "uniform: high - low must be a finite number"),
        ({"loguniform": [0, 1]}, "loguniform: low must be above 0, because log 0 is not a number, but is 0"),
        ({"lograndint": [-1, 5]}, "lograndint: low must be above 0"),
        ({"qloguniform": [0, 1, 0.5]}, "qloguniform: low must be above 0"),
        ({"randint": [1.5, 5]}, "randint takes whole numbers, but was given 1.5 and 5"),
        ({"quniform": [0, 1, 0]}, "quniform: q must be above 0, but is 0"),
        ({"quniform": [0, 1, -0.5]}, "quniform: q must be above 0, but is -0.5"),
        ({"quniform": [0, 1, 0.3]}, "quniform: high must be a multiple of q, as in Ray, but 1 is not one of 0.3"),
        ({"quniform": [3, 31, 2]}, "quniform: low must be a multiple of q, as in Ray, but 3 is not one of 2"),
        ({"quniform": [0, 1e308, 1e-308]}, "quniform: high must be a multiple of q"),
    ],
)
def test_refused(value, message):
    with pytest.raises(ValueError) as caught:
        parse(value)
    assert str(caught.value).startswith(message)


@given(
    st.sampled_from(KINDS), st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4)
)
def test_any_value_parsed_or_refused(kind, arguments):
    try:
        distribution = parse({kind: arguments})
    except ValueError:
        return
    assert len(distribution.probes) >= 1
