"""Settings as coordinates between 0 and 1."""

from __future__ import annotations

import math

import pytest

from tune_asr.space.coordinates import Coordinates
from tune_asr.space.distributions import parse

NAME = math.sqrt(0.5)


def at(distribution: dict, *values: object) -> list[list[float]]:
    rows = Coordinates({"x": parse(distribution)}).at([{"x": value} for value in values], [1.0] * len(values))
    assert all(row[-1] == 1.0 for row in rows)
    return rows[:, :-1].tolist()


@pytest.mark.parametrize(
    ("distribution", "value", "coordinate"),
    [
        ({"uniform": [2, 6]}, 3, 0.25),
        ({"loguniform": [1e-4, 1e-2]}, 1e-3, 0.5),
        ({"randint": [4, 8]}, 4, 0.125),
        ({"randint": [4, 8]}, 7, 0.875),
        ({"lograndint": [1, 4]}, 2, math.log(2.4494897427831781) / math.log(4)),
        ({"quniform": [0, 1, 0.25]}, 0.5, 0.5),
        ({"quniform": [0, 1, 0.25]}, 0.0, 0.0625),
        ({"quniform": [0, 1, 0.25]}, 1.0, 0.9375),
        ({"qloguniform": [1, 4, 1]}, 2, (math.log(1.5) + math.log(2.5)) / 2 / math.log(4)),
        ({"choice": [16, 4, 8]}, 8, 0.5),
        ({"choice": [16, 4, 8]}, 16.0, 1.0),
        ({"grid_search": [1, 2]}, 2, 1.0),
        ({"choice": [3]}, 3, 0.0),
    ],
)
def test_numbers_have_one_coordinate(distribution, value, coordinate):
    assert at(distribution, value) == [[pytest.approx(coordinate)]]


@pytest.mark.parametrize("kind", ["quniform", "randint", "lograndint", "qloguniform"])
def test_steps_stand_at_centre_of_quantiles(kind):
    distribution = parse({kind: [2, 12, 2] if kind.startswith("q") else [2, 12]})
    quantiles = [(i + 0.5) / 20_000 for i in range(20_000)]
    for value in {distribution.at(u) for u in quantiles}:
        own = [u for u in quantiles if distribution.at(u) == value]
        assert distribution.position(value) == pytest.approx((own[0] + own[-1]) / 2, abs=1e-3)


def test_names_are_one_apart():
    rows = at({"choice": ["relu", None, [0.9, 0.98], True]}, "relu", None, [0.9, 0.98], True)
    assert rows == [[NAME * (i == j) for j in range(4)] for i in range(4)]


def test_whole_numbers_are_equal_however_written():
    """A base holds 5.0 where a space lists 5."""
    assert at({"choice": [None, 5]}, 5.0, 5, None) == [[0.0, NAME], [0.0, NAME], [NAME, 0.0]]
    assert at({"choice": [[0.9, 1], [1, 1]]}, [0.9, 1.0], [1.0, 1.0]) == [[NAME, 0.0], [0.0, NAME]]


def test_truth_values_are_names():
    assert at({"choice": [True, False]}, False, 0) == [[0.0, NAME], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("distribution", "value", "row"),
    [
        ({"uniform": [2, 6]}, 9, [1.0]),
        ({"loguniform": [1e-4, 1e-2]}, 0, [0.0]),
        ({"loguniform": [1e-4, 1e-2]}, -1.0, [0.0]),
        ({"randint": [4, 8]}, 100, [0.875]),
        ({"randint": [4, 8]}, math.inf, [0.875]),
        ({"uniform": [2, 6]}, None, [0.5]),
        ({"uniform": [2, 6]}, "auto", [0.5]),
        ({"uniform": [2, 6]}, math.nan, [0.5]),
        ({"choice": [4, 8, 16]}, 7, [0.5]),
        ({"choice": [4, 8, 16]}, 1e9, [1.0]),
        ({"choice": [4, 8, 16]}, None, [0.5]),
        ({"choice": ["a", "b"]}, "c", [0.0, 0.0]),
        ({"choice": [None, 5.0]}, 4.0, [0.0, 0.0]),
    ],
)
def test_values_outside_stand_at_the_edge(distribution, value, row):
    assert at(distribution, value) == [[pytest.approx(x) for x in row]]


def test_absent_keys_stand_in_the_middle():
    coordinates = Coordinates({"x": parse({"uniform": [0, 1]}), "y": parse({"choice": ["a", "b", "c"]})})
    assert coordinates.at([{}, {"z": 1}], [0.0, 0.5]).tolist() == [[0.5] * 4 + [0.0], [0.5] * 4 + [0.5]]


@pytest.mark.parametrize(
    ("value", "covered"), [(4, True), (7, True), (8, False), (3, False), (None, False), (True, False), ("5", False)]
)
def test_cover_follows_bounds(value, covered):
    assert Coordinates({"x": parse({"randint": [4, 8]})}).cover({"x": value}) is covered


def test_cover_follows_lists():
    coordinates = Coordinates({"x": parse({"choice": [[1, 2], None, True]})})
    values = [[1, 2], None, True, 1, [2, 1]]
    assert [coordinates.cover({"x": value}) for value in values] == [True, True, True, False, False]
    assert coordinates.cover({}) and not coordinates.cover({"y": 1})
