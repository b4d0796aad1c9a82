"""Limits, objectives and the path of a warm start, as a space gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.errors import ConfigError
from tune_asr.space.sections import LimitsSection
from tune_asr.space.wants import Excess, excess, front

CUSTOM = "data: {target: mine.Data}"
numbers = st.sampled_from([0.0, 0.25, 0.5, 1.0])


def dominates(one, other):
    """Return whether one is nowhere higher and somewhere lower."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(numbers, min_size=n, max_size=n), max_size=12)))
def test_front_follows_its_definition(rows):
    values = {str(i): row for i, row in enumerate(rows)}
    expected = {name for name, row in values.items() if not any(dominates(other, row) for other in rows)}
    assert front(values) == expected


def test_equals_are_on_the_front_together():
    assert front({"a": [0.5, 3], "b": [0.5, 3], "c": [0.4, 9], "d": [0.5, 4]}) == {"a", "b", "c"}


def test_limit_itself_is_allowed():
    limits = LimitsSection(num_parameters=100, rtf=0.05)
    assert excess(limits, {"num_parameters": 100, "rtf": 0.05}) is None
    assert excess(limits, {"num_parameters": None, "rtf": None}) is None
    assert excess(LimitsSection(), {"num_parameters": 10**9, "rtf": 9.0}) is None


def test_first_excess_is_named():
    limits = LimitsSection(num_parameters=100, rtf=0.05)
    assert excess(limits, {"num_parameters": 101, "rtf": 1.0}) == Excess("num_parameters", 101.0, 100.0)
    assert excess(limits, {"num_parameters": 1, "rtf": 1.0}) == Excess("rtf", 1.0, 0.05)


def test_limits_take_every_spelling(spaces):
    search = spaces.load("search: {limits: {num_parameters: 2e6, rtf: 5e-2}, objectives: [val_cer, rtf]}").space.search
    assert (search.limits.num_parameters, search.limits.rtf, search.objectives) == (2_000_000, 0.05, ["val_cer", "rtf"])


@pytest.mark.parametrize("text", ["search: {limits: null, objectives: null}", "search: {limits: , objectives: }"])
def test_null_is_none(spaces, text):
    assert spaces.load(text).values() == spaces.load("").values()
    assert spaces.load("search: {limits: {rtf: 1}}", "search.limits=null").space.search.limits == LimitsSection()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "search: {limits: {num_parameter: 5}}",
            "space.yaml:2: search.limits.num_parameter: unknown key\n    Did you mean num_parameters?",
        ),
        (
            "search: {limits: {num_parameters: -1}}",
            "space.yaml:2: search.limits.num_parameters: is -1, but must be 1 or more",
        ),
        ("search: {limits: {num_parameters: 1.5}}", "is 1.5, but must be a whole number"),
        ("search: {limits: {rtf: -0.1}}", "space.yaml:2: search.limits.rtf: is -0.1, but must be above 0"),
        ("search: {limits: {rtf: fast}}", "is 'fast', but must be a number"),
        ("search: {objectives: val_wer}", "search.objectives: is 'val_wer', but must be a list"),
        ("search: {limits: 5}", "space.yaml:2: search.limits: is 5, but must be a mapping of keys"),
        (
            "search:\n  objectives: [val_wer, size]",
            "is 'size', but must be 'val_wer', 'val_cer', 'num_parameters' or 'rtf'",
        ),
        (
            "search:\n  objectives: [val_wer]",
            "space.yaml:3: search.objectives: names val_wer, but must name two or more values, each once",
        ),
        ("search: {objectives: [rtf, rtf]}", "names rtf, rtf, but must name two or more values, each once"),
        (
            "search: {algorithm: random, warm_start: old}",
            "space.yaml:2: search.warm_start: has no effect under search.algorithm: random",
        ),
    ],
)
def test_mistakes_are_named(spaces, text, message):
    with pytest.raises(ConfigError) as caught:
        spaces.load(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["search: {limits: {rtf: 1}}", "search: {objectives: [val_wer, rtf]}"])
def test_custom_data_have_no_speed(spaces, text):
    spaces.base = CUSTOM
    with pytest.raises(ConfigError, match="needs rtf, but only built-in data know the seconds of speech in a batch"):
        spaces.load(text)


def test_warm_start_is_relative_to_its_file(spaces, tmp_path, monkeypatch):
    """From `--set` it is relative to the working directory."""
    monkeypatch.chdir("/")
    assert spaces.load("search: {warm_start: ../old}").space.search.warm_start == str(tmp_path.parent / "old")
    assert spaces.load("", "search.warm_start=old").space.search.warm_start == "/old"
