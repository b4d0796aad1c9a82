"""Words for numbers, values and foreign text."""

import pytest

from tune_asr.wording import count, first_line, percent, shortened, value_text


@pytest.mark.parametrize(("fraction", "text"), [(None, ""), (0.0, "0.0"), (0.0815, "8.2"), (1.5, "150.0")])
def test_percent(fraction, text):
    assert percent(fraction) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00123456, "0.001235"), (3, "3"), ("a\nb", "a\\nb"), (None, "null"), ([1, "ä"], '[1, "ä"]')]
)
def test_value_text(value, text):
    assert value_text(value) == text


def test_count_of_whole_and_parts():
    assert [count(n, "CPU") for n in (0, 1, 1.0, 0.5, 2_000_000)] == [
        "0 CPUs",
        "1 CPU",
        "1 CPU",
        "0.5 CPUs",
        "2,000,000 CPUs",
    ]


def test_shortened_keeps_the_limit():
    assert (shortened("abcdef", 6), shortened("abcdefg", 6)) == ("abcdef", "abc...")


def test_first_line_of_foreign_errors():
    assert first_line(ValueError("\none\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert first_line(OSError(111, "Connection refused")) == "Connection refused"
