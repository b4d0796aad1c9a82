"""The figures that are ours: rungs, error rates with their intervals, what they cost, and who worked when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import plotly.graph_objects as go

from tune_asr.record.ranking import Standing
from tune_asr.record.state import Trial
from tune_asr.report.html.importance import plain
from tune_asr.report.html.look import (
    COLOURS,
    GREY,
    Figure,
    by_status,
    figure,
    marker,
    percent_name,
    thinned,
    thinned_note,
    whole_numbers,
)
from tune_asr.report.results import Results
from tune_asr.report.rungs import RungOrder, foretold, rung_orders
from tune_asr.report.timeline import Run, runs

_INTERVALS = 30
_RUNS = 1_000
_OUTLINED = 200
"""Runs."""
_LINEAR = 60
"""Ranks, above which the first few would be one line."""


def own_figures(results: Results) -> list[Figure]:
    """Those of them that have something to show."""
    shown = [standing for standing in thinned(results.ranked, results.metric) if standing[1]]
    orders = rung_orders(results.state, results.search)
    found = runs(results.events(), running=results.running)
    figures: list[Figure] = []
    if shown and results.metric == "val_wer" and any(results.utterances.values()):
        figures.append(_intervals(results))
    if shown:
        figures.append(_cost(shown, results))
    if orders:
        figures.append(_rungs(orders, results))
    if found:
        figures.append(_timeline(found))
    return figures


def _intervals(results: Results) -> Figure:
    """The WER of the first trials, best on top, with its bootstrap interval."""
    first = [standing for standing in results.ranked[:_INTERVALS] if results.utterances.get(standing[0].number)]
    drawn = go.Figure()
    for status, standings in by_status(first).items():
        rates, below, above = [], [], []
        for trial, report in standings:
            utterances = results.utterances[trial.number]
            assert report and utterances, "chosen above"
            low, high = utterances.interval()
            rates.append(100 * report.scores.value("val_wer"))
            below.append(100 * (report.scores.value("val_wer") - low))
            above.append(100 * (high - report.scores.value("val_wer")))
        drawn.add_scatter(
            x=rates,
            y=[trial.number for trial, _ in standings],
            error_x={"array": above, "arrayminus": below, "thickness": 1.6, "width": 4},
            mode="markers",
            marker=marker(status),
            name=status,
            customdata=np.column_stack([np.subtract(rates, below), np.add(rates, above)]),
            hovertemplate="trial %{y}<br>%{x:.1f} % (%{customdata[0]:.1f} to %{customdata[1]:.1f})<extra></extra>",
        )
    order = [trial.number for trial, _ in reversed(first)]
    drawn.update_yaxes(type="category", categoryorder="array", categoryarray=order, title=None, dtick=1)
    more = len(results.ranked) > len(first)
    return figure(
        "intervals",
        "How sure each WER is",
        drawn,
        "A row a trial, the best on top, with the 95 % interval of a bootstrap over the validation utterances (Bisani "
        "and Ney, 2004). Where two of them overlap widely, the trials have not been told apart; the first and the "
        "second are compared in pairs, above.",
        f"The first {len(first)} of the leaderboard." if more else "",
        height=110 + 22 * len(first),
        xaxis={"title": "WER %", "automargin": True, "zeroline": False},
        showlegend=True,
    )


def _cost(shown: Sequence[Standing], results: Results) -> Figure:
    """The best rate of each trial against what its training took."""
    drawn = go.Figure()
    for status, standings in by_status(shown).items():
        drawn.add_scatter(
            x=[trial.seconds for trial, _ in standings],
            y=[100 * report.scores.value(results.metric) for _, report in standings if report],
            mode="markers",
            marker=marker(status),
            name=status,
            customdata=[[trial.number, trial.epoch] for trial, _ in standings],
            hovertemplate="trial %{customdata[0]}, %{customdata[1]} epochs<br>%{y:.1f} % in %{x:.0f} s<extra></extra>",
        )
    x, y = _front([(trial.seconds, 100 * report.scores.value(results.metric)) for trial, report in shown if report])
    drawn.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": GREY, "shape": "hv", "dash": "dot"},
        name="nothing better for less",
        hoverinfo="skip",
    )
    name = percent_name(results.metric)
    return figure(
        "cost",
        f"{name[:3]} against training time",
        drawn,
        "Seconds of one slot, over all epochs of the trial.",
        thinned_note(shown, results.ranked),
        height=380,
        xaxis={
            "title": "training and validation, seconds",
            "automargin": True,
            "zeroline": False,
            "rangemode": "tozero",
        },
        yaxis={"title": name, "automargin": True, "zeroline": False},
        showlegend=True,
    )


def _front(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """The points that no other one beats in both, from the cheapest to the best."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if not front or y < front[-1][1]:
            front.append((x, y))
    return [x for x, _ in front], [y for _, y in front]


def _rungs(orders: Sequence[RungOrder], results: Results) -> Figure:
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


def _timeline(found: Sequence[Run]) -> Figure:
    """A row a process, a bar a run."""
    drawn_runs = found[-_RUNS:]
    rows = {
        process: f"{i} {plain(process)}".strip()
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
                "pattern": {"shape": _PATTERNS.get(how, "")},
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


_PATTERNS = {"pruned": "/", "diverged": "x", "failed": "x", "killed": "x", "paused": "."}
"""Bars have no symbols: these are what tells them apart without colour."""


def _seconds(run: Run) -> float:
    """How long it took; never below zero, whatever was done to the clock."""
    return max(0.0, (datetime.fromisoformat(run.end) - datetime.fromisoformat(run.start)).total_seconds())
