"""Searched keys as axes of figures."""

from __future__ import annotations

import pytest
from html_pages import page_of, rungs
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.report.axes import Axis, axes_of
from tune_asr.report.results import gather

SPACE = {
    "optimizer.lr": {"loguniform": [1e-4, 3e-2]},
    "scheduler.warmup_fraction": {"uniform": [0.0, 0.3]},
    "model.num_layers": {"randint": [1, 8]},
    "model.kernel_size": {"choice": [5, 7, 9]},
}


def params_of(i):
    values = (0.001 * (i + 1), 0.05 * i, 1 + i, (5, 7, 9)[i % 3])
    return dict(zip(SPACE, values, strict=True))


@st.composite
def axes(draw):
    low, high = sorted(draw(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=2)))
    return Axis("key", "key", (), low, high, is_log=draw(st.booleans()))


@given(axes())
def test_ticks_span_the_axis(axis):
    places = [place for place, _ in axis.ticks()]
    assert places == sorted(places)
    assert all(0 <= place <= 1 + 1e-9 for place in places)
    assert {axis.place(axis.low), axis.place(axis.high)} <= {*places} or axis.place(axis.high) < 0.08


def test_ticks_of_a_long_list_are_thinned():
    axis = Axis("key", "key", tuple(f"v{i}" for i in range(50)))
    assert [axis.place("v0"), axis.place("v49")] == [0, 1]
    assert len(axis.ticks()) < 15


def test_axes_follow_the_distributions(search):
    search.describe(space={"param_space": SPACE})
    rungs(search, lambda i: params_of(i % 6), trials=18)
    lr, warmup, layers, kernel = axes_of(gather(search.folder.root, 5))
    assert (lr.low, lr.high, lr.is_log) == (1e-4, 3e-2, True)
    assert (warmup.low, warmup.high, warmup.is_log, warmup.is_whole) == (0.0, 0.3, False, False)
    assert (layers.low, layers.high, layers.is_whole) == (1, 7, True)
    assert kernel.choices == ("5", "7", "9")
    figures = page_of(search.folder.root).figures
    kinds = [figures[f"slice-{i}"]["layout"]["xaxis"].get("type") for i in range(4)]
    assert kinds == ["log", None, None, "category"]
    assert {key for bars in figures["importance"]["data"] for key in bars["y"]} == {
        "lr",
        "warmup_fraction",
        "num_layers",
        "kernel_size",
    }


@pytest.mark.parametrize("value", [0.5, "x"])
def test_value_outside_its_distribution_widens_the_axis(search, value):
    search.describe(space={"param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}}})
    rungs(search, lambda i: {"optimizer.lr": value if i == 3 else 0.01})
    (axis,) = axes_of(gather(search.folder.root, 5))
    assert (axis.low, axis.high, axis.choices) == ((0.01, 0.5, ()) if value == 0.5 else (0, 0, ("0.01", "x")))
