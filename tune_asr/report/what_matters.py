"""Searched keys that matter, over the trials of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tune_asr.record.trial import Trial
from tune_asr.report.axes import Axis, axes_of
from tune_asr.report.importance import FEWEST, Importance, importances, places_of
from tune_asr.report.results import Results
from tune_asr.report.rungs import asha_metric, rung_orders
from tune_asr.wording import count, printable

_MOST = 500
"""Trials in the estimate."""


@dataclass(frozen=True, slots=True)
class Matter:
    """Importance of each key, and its basis."""

    rows: list[Importance]
    """Keys, the most important first."""
    trials: int
    place: str
    """Epochs at which the trials are compared."""

    @property
    def sure(self) -> list[Importance]:
        """Keys that matter more than chance explains."""
        return [row for row in self.rows if row.is_sure]


def what_matters(results: Results) -> Matter | None:
    """Estimate the importance of keys; None for too few trials."""
    trials, values, place = _comparable(results)
    axes = axes_of(results)
    if len(trials) < max(FEWEST, 2 * len(axes)) or not axes:
        return None
    places = {axis.key: places_of([_place(axis, trial) for trial in trials]) for axis in axes}
    categories = {axis.key: len(axis.choices) for axis in axes if axis.choices}
    rows = importances(places, categories, [values[trial.number] for trial in trials])
    return Matter(rows, len(trials), place) if rows else None


def matter_lines(results: Results) -> Iterator[str]:
    """Yield the keys that matter, with intervals."""
    matter = what_matters(results)
    if matter is None:
        return
    basis = f"{matter.trials} trials {matter.place}"
    if not matter.sure:
        yield f"No searched value matters more than chance explains, over {basis}."
        return
    yield f"Values that matter for being among the best quarter of {basis}: share, and its 95 % interval:"
    width = max(len(printable(row.key)) for row in matter.sure)
    for row in matter.sure:
        yield f"  {printable(row.key):<{width}}  {row.share:.2f}  ({row.low:.2f} to {row.high:.2f})"
    if others := len(matter.rows) - len(matter.sure):
        yield f"{count(others, 'other key')} {'matters' if others == 1 else 'matter'} no more than chance explains."


def _comparable(results: Results) -> tuple[Sequence[Trial], Mapping[str, float], str]:
    """Return trials, their values, and where they are compared.

    At the first rung all trials have trained for the same epochs, and none has been dropped.
    """
    orders = rung_orders(results.state, asha_metric(results.plan, results.metric), results.metric)
    if orders:
        values, place = orders[0].values, f"at epoch {orders[0].epoch}"
    else:
        values = {trial.number: report.scores.value(results.metric) for trial, report in results.drawn if report}
        place = "at their best epochs"
    trials = [trial for trial in results.state.trials.values() if trial.number in values]
    return trials[:: -(-len(trials) // _MOST) or 1], values, place


def _place(axis: Axis, trial: Trial) -> float | None:
    """Return a value's place, or the index of a choice."""
    value = axis.value(trial)
    if value is None:
        return None
    return axis.choices.index(value) if isinstance(value, str) else axis.place(value)
