"""Figures of the search as a whole: its rungs, and which process worked when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import plotly.graph_objects as go

from tune_asr.record.state import Trial
from tune_asr.report.html.axes import escaped
from tune_asr.report.html.look import COLOURS, PATTERNS, Figure, figure, whole_numbers
from tune_asr.report.html.thinning import thinned, thinned_note
from tune_asr.report.results import Results
from tune_asr.report.rungs import RungOrder, foretold
from tune_asr.report.timeline import Run

_RUNS = 1_000
_OUTLINED = 200
"""Runs."""
_LINEAR = 60
"""Ranks, above which the first few would be one line."""


def rungs_figure(orders: Sequence[RungOrder], results: Results) -> Figure:
    """A line a trial through its rank at each rung, which ends with a cross where it was stopped."""
    ranks = [
        {number: rank for rank, number in enumerate(sorted(order.values, key=order.values.__getitem__), start=1)}
        for order in orders
    ]
    trials = [trial for trial, _ in thinned(results.ranked, results.metric) if trial.number in orders[0].values]
    drawn = go.Figure()
    best = results.ranked[0][0].number
    for group in ("stopped", "went on", "winner"):
        first = True
        for trial in trials:
            dropped = any(trial.number in order.stopped for order in orders)
            if group != ("winner" if trial.number == best else "stopped" if dropped else "went on"):
                continue
            drawn.add_scatter(**_rung_line(trial, orders, ranks, group), legendgroup=group, showlegend=first)
            first = False
    many = len(orders[0].values)
    # From the first rank, on top, to the last: there is no rank 0.
    ranks_shown = {"range": [many + 0.6, 0.4], **whole_numbers(many)}
    if many > _LINEAR:
        ranks_shown = {"range": [math.log10(1.1 * many), math.log10(0.9)], "type": "log", "dtick": 1}
    drawn.update_yaxes(title="rank among those that came", **ranks_shown)
    drawn.update_xaxes(type="category", title=None)
    stops = [
        f"{len(order.stopped)} of {len(order.values)} were dropped at {order.name}" for order in orders if order.stopped
    ]
    return figure(
        "rungs",
        "The rungs: who was dropped where",
        drawn,
        f"{'; '.join(stops)}." if stops else "Nobody was dropped.",
        *foretold(list(orders)),
        "Lines that cross are an order that did not hold; a rung whose order means little at the next stands too "
        "early. Only trials that went on can be compared, and they are the more alike for it.",
        thinned_note(trials, orders[0].values),
        height=420,
    )


def _rung_line(
    trial: Trial, orders: Sequence[RungOrder], ranks: Sequence[dict[str, int]], group: str
) -> dict[str, object]:
    came = [(order, rank) for order, rank in zip(orders, ranks, strict=True) if trial.number in rank]
    stopped = [trial.number in order.stopped for order, _ in came]
    colour = COLOURS["pruned" if any(stopped) else "finished"]
    return {
        "x": [order.name for order, _ in came],
        "y": [rank[trial.number] for _, rank in came],
        "name": group,
        "mode": "lines+markers",
        "line": {"color": colour, "width": 4 if group == "winner" else 1.4},
        "marker": {"color": colour, "size": 8, "symbol": ["x" if stop else "circle" for stop in stopped]},
        "customdata": [f"{order.values[trial.number]:.4f}" for order, _ in came],
        "hovertemplate": f"trial {trial.number}, %{{x}}<br>rank %{{y}}, value %{{customdata}}<extra></extra>",
    }


def timeline_figure(found: Sequence[Run]) -> Figure:
    """A row a process, a bar a run."""
    drawn_runs = found[-_RUNS:]
    rows = {
        process: f"{i} {escaped(process)}".strip()
        for i, process in enumerate(dict.fromkeys(run.process for run in found), 1)
    }
    drawn = go.Figure()
    for how in dict.fromkeys(run.ended for run in drawn_runs):
        those = [run for run in drawn_runs if run.ended == how]
        drawn.add_bar(
            base=[run.start for run in those],
            x=[1000 * _seconds(run) for run in those],
            y=[rows[run.process] for run in those],
            orientation="h",
            name=how,
            marker={
                "color": COLOURS[how],
                # So that two trials of a kind are two bars; of many, only the lines would be seen.
                "line": {"width": 1 if len(drawn_runs) <= _OUTLINED else 0, "color": "rgba(128,128,128,.6)"},
                "pattern": {"shape": PATTERNS.get(how, "")},
            },
            customdata=[[run.trial, f"{_seconds(run):.1f}"] for run in those],
            hovertemplate="trial %{customdata[0]}, %{customdata[1]} s<extra>%{fullData.name}</extra>",
        )
    order = [rows[process] for process in reversed(list(dict.fromkeys(run.process for run in drawn_runs)))]
    drawn.update_yaxes(type="category", categoryorder="array", categoryarray=order)
    drawn.update_xaxes(type="date", title="UTC")
    note = f"The last {len(drawn_runs):,} of {len(found):,} runs are drawn." if len(drawn_runs) < len(found) else ""
    return figure(
        "timeline",
        "Timeline of the slots",
        drawn,
        "A row a process, a bar a trial in it: an unbroken row is a slot that never waited.",
        note,
        height=min(900, 130 + 34 * len(order)),
        barmode="overlay",
        showlegend=True,
    )


def _seconds(run: Run) -> float:
    """How long it took; never below zero, whatever was done to the clock."""
    return max(0.0, (datetime.fromisoformat(run.end) - datetime.fromisoformat(run.start)).total_seconds())
