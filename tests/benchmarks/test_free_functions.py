"""Functions drawn from a process fitted to a table, and searches on them."""

import numpy as np
import pytest

from tests.benchmarks.free_functions import FreeFunction, FreeTable, Landscape, search
from tests.simulation.made_up import made_up_table

TABLE = made_up_table(24, 12)


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    return Landscape(TABLE)


def test_functions_keep_to_the_table(landscape):
    """At its settings they have its scores; elsewhere they differ."""
    rows = [curve.params for curve in TABLE.curves]
    recorded = [min(curve.scores(epoch).value("score") for epoch in range(1, 13)) for curve in TABLE.curves]
    elsewhere = [{**params, "model.dropout": 0.3 - params["model.dropout"]} for params in rows]
    drawn = [FreeFunction(landscape, seed) for seed in range(2)]
    assert all(np.corrcoef(function.finals(rows), recorded)[0, 1] > 0.9 for function in drawn)
    assert abs(drawn[0].finals(elsewhere) - drawn[1].finals(elsewhere)).max() > 0.01


def test_functions_are_repeatable(landscape):
    params = TABLE.curves[0].params
    one, same = FreeFunction(landscape, 5), FreeFunction(landscape, 5)
    assert one.curve(params).tolist() == same.curve(params).tolist()
    assert one.curve(params)[-1] == pytest.approx(one.finals([params])[0])
    assert one.luck(params) == same.luck(params) != FreeFunction(landscape, 6).luck(params)


def test_free_table_makes_rows_once(landscape):
    table = FreeTable.over(FreeFunction(landscape, 0))
    one, other = TABLE.curves[0].params, {**TABLE.curves[0].params, "model.dropout": 0.123}
    assert [table.number(params) for params in (one, other, dict(one))] == [0, 1, 0]
    assert table.curves[1].params == other and table.curves[1].epochs == TABLE.horizon
    assert table.lowest < min(table.function.finals([one, other]))


@pytest.mark.parametrize("algorithm", ["random", "auto"])
def test_regret_is_repeatable(landscape, algorithm):
    found = [search(FreeFunction(landscape, 1), algorithm, 12) for _ in range(2)]
    assert found[0] == found[1] > -0.05
