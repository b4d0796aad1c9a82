"""Lines on a time budget that shortens the schedule."""

from __future__ import annotations

from tune_asr.search.foresight import Extent, Measured, extent_for, lines
from tune_asr.space.durations import seconds_of
from tune_asr.space.forecast import Pace
from tune_asr.space.plan import Plan, from_values

FOUND = Measured(Pace(10.0, 2.0, 30.0), [], 5.0)
SLOTS = 2


def plan_of() -> Plan:
    space = {"param_space": {"model.dropout": {"uniform": [0.0, 0.3]}}, "asha": {"max_t": 24}}
    return from_values(space, {"trainer": {"max_epochs": 24}}, "search.yaml")


def extent(seconds: float) -> Extent:
    return extent_for(plan_of(), FOUND, SLOTS, seconds, fixed=False, budget=seconds, limit=None)


def said(seconds: float) -> list[str]:
    return list(lines(plan_of(), FOUND, extent(seconds), 24, seconds))


def test_horizon_below_a_rung_is_a_warning():
    assert extent(60.0).horizon <= 3
    *_, warning = said(60.0)
    assert warning.startswith("warning: after 1 epoch hardly anything is learnt, and nothing is judged")
    advised = warning.split("--time-budget ")[1].split()[0]
    assert extent(seconds_of(advised)).horizon == 24


def test_horizon_above_a_rung_is_none():
    assert 3 < extent(300.0).horizon < 24
    assert not any(line.startswith("warning") for line in [*said(300.0), *said(10_000.0)])
