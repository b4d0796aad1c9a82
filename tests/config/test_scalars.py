"""Spellings of plain scalars."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.config.scalars import identity, scalar, shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_spellings_of_float_are_equal(number):
    assert scalar(repr(number)) == number
    assert scalar(f"{number:.17e}") == number
    assert scalar(f"{number:.17E}") == number


@given(st.integers(min_value=-(10**40), max_value=10**40))
def test_spellings_of_integer_are_equal(number):
    read = scalar(str(number))
    assert read == number and isinstance(read, int)
    assert scalar(f"{number:_}") == number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E-3", 0.001),
        ("1.e-3", 0.001),
        (".001", 0.001),
        ("1e5", 100_000.0),
        ("+3", 3),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b101", 5),
        ("1_000.5", 1000.5),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_spellings(text, value):
    read = scalar(text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "yes",
        "on",
        "off",
        "1:30",
        "2026-01-01",
        "1_",
        "1__0",
        "_1",
        "0x",
        "0x_",
        "1e",
        "e5",
        ".",
        "-",
        "1d3",
        "1.2.3",
    ],
)
def test_other_scalars_stay_text(text):
    assert scalar(text) == text


def test_overlong_number_stays_text():
    assert scalar("9" * 5000) == "9" * 5000


def test_long_shown_value_is_shortened():
    assert shown(None) == "null"
    assert shown(True) == "true"
    assert shown({"a": 1}) == "a mapping"
    assert len(shown("x" * 1000)) == 60


def test_equal_values_have_one_identity():
    groups = [[5, 5.0], [0, 0.0, -0.0], [True], [1, 1.0], [0.1, 1e-1], ["1"], [None], [[1, 0.5], [1.0, 0.5]], [[]]]
    groups += [[{"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0}], [math.inf], [1e300, int(1e300)]]
    texts = [{identity(value) for value in group} for group in groups]
    assert all(len(each) == 1 for each in texts)
    assert len(set.union(*texts)) == len(groups)
