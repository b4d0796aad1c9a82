"""Figures of the whole search: its rungs and its timeline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go

from tune_asr.record.trial import Trial
from tune_asr.report.axes import escaped
from tune_asr.report.html.look import COLOURS, PATTERNS, Figure, figure, whole_numbers
from tune_asr.report.html.thinning import thinned, thinned_note
from tune_asr.report.pruning import pruning
from tune_asr.report.results import Results
from tune_asr.report.rungs import RungOrder, predictions
from tune_asr.report.timeline import Run

_RUNS = 1_000
"""Most runs drawn."""
_OUTLINED = 200
"""Most runs with outlines."""
_LINEAR = 60
"""Most ranks on a linear axis. Above, the first few would be one line."""


def rungs_figure(orders: Sequence[RungOrder], results: Results) -> Figure:
    """Draw each trial's ranks at the rungs as a line."""
    ranks = [
        {number: rank for rank, number in enumerate(sorted(order.values, key=order.values.__getitem__), start=1)}
        for order in orders
    ]
    trials = [trial for trial, _ in thinned(results.ranked, results.metric) if trial.number in orders[0].values]
    winner = results.loadable[0][0]
    others = [trial for trial in trials if trial is not winner]
    groups = {
        "stopped": [trial for trial in others if trial.status == "pruned"],
        "waits": [trial for trial in others if trial.waits],
        "continued": [trial for trial in others if trial.status != "pruned" and not trial.waits],
        "winner": [trial for trial in trials if trial is winner],
    }
    drawn = go.Figure()
    for group, members in groups.items():
        for trial in members:
            _add_line(drawn, trial, orders, ranks)
            drawn.data[-1].update(name=group, legendgroup=group, showlegend=trial is members[0])
    drawn.update_traces(selector={"name": "winner"}, line={"width": 4})
    _number_ranks(drawn, len(orders[0].values))
    stops = [
        f"{len(order.stopped)} of {len(order.values)} were dropped at {order.name}" for order in orders if order.stopped
    ]
    return figure(
        "rungs",
        "The rungs, and the trials dropped at each",
        drawn,
        f"{'; '.join([*stops, *_others(results)])}." if stops else "No trial was dropped at a rung.",
        *predictions(orders),
        "Lines that cross are trials that changed places. A rung with many crossings after it is too early. Only "
        "trials that continued can be compared, and these are alike, which lowers the correlation.",
        thinned_note(trials, orders[0].values),
        height=420,
    )


def _others(results: Results) -> Iterator[str]:
    """Yield a clause on trials dropped between rungs."""
    if between := pruning(results.state, 0).between:
        yield f"{between} were dropped between rungs"


def _add_line(drawn: go.Figure, trial: Trial, orders: Sequence[RungOrder], ranks: Sequence[Mapping[str, int]]) -> None:
    reached = [(order, rank) for order, rank in zip(orders, ranks, strict=True) if trial.number in rank]
    stopped = [trial.number in order.stopped for order, _ in reached]
    colour = COLOURS["pruned" if trial.status == "pruned" else "paused" if trial.waits else "finished"]
    drawn.add_scatter(
        x=[order.name for order, _ in reached],
        y=[rank[trial.number] for _, rank in reached],
        mode="lines+markers",
        line={"color": colour, "width": 1.4},
        marker={"color": colour, "size": 8, "symbol": ["x" if stop else "circle" for stop in stopped]},
        customdata=[f"{order.values[trial.number]:.4f}" for order, _ in reached],
        hovertemplate=f"trial {trial.number}, %{{x}}<br>rank %{{y}}, value %{{customdata}}<extra></extra>",
    )


def _number_ranks(drawn: go.Figure, last: int) -> None:
    """Label the ranks from the top, many logarithmically."""
    drawn.update_xaxes(type="category")
    drawn.update_yaxes(title="rank among the trials here")
    if last > _LINEAR:
        drawn.update_yaxes(range=[math.log10(1.1 * last), math.log10(0.9)], type="log", dtick=1)
    else:
        drawn.update_yaxes(range=[last + 0.6, 0.4], **whole_numbers(last))


def timeline_figure(found: Sequence[Run]) -> Figure:
    """Draw a row for each process, with bars for trials."""
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
                # Outlines keep neighbours apart. With many runs they would be all that is seen.
                "line": {"width": 1 if len(drawn_runs) <= _OUTLINED else 0, "color": "rgba(128,128,128,.6)"},
                "pattern": {"shape": PATTERNS.get(how, "")},
            },
            customdata=[[run.trial, f"{_seconds(run):.1f}"] for run in those],
            hovertemplate="trial %{customdata[0]}, %{customdata[1]} s<extra>%{fullData.name}</extra>",
        )
    order = [rows[process] for process in reversed(list(dict.fromkeys(run.process for run in drawn_runs)))]
    drawn.update_yaxes(type="category", categoryorder="array", categoryarray=order)
    drawn.update_xaxes(type="date", title="UTC")
    drawn.update_layout(barmode="overlay")
    note = f"The last {len(drawn_runs):,} of {len(found):,} runs are drawn." if len(drawn_runs) < len(found) else ""
    return figure(
        "timeline",
        "Timeline of the slots",
        drawn,
        "Each row is a process, each bar a trial in it. A row without gaps is a slot that never waited.",
        note,
        height=min(900, 130 + 34 * len(order)),
    )


def _seconds(run: Run) -> float:
    """Return the duration, 0 if the clock was set back."""
    return max(0.0, (datetime.fromisoformat(run.end) - datetime.fromisoformat(run.start)).total_seconds())
