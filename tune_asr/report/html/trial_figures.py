"""Figures of the trials: their error rates, in order, over epochs, and against what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
import plotly.graph_objects as go

from tune_asr.record.ranking import Standing
from tune_asr.report.html.look import (
    COLOURS,
    GREY,
    Figure,
    by_status,
    figure,
    marker,
    percent_name,
    whole_numbers,
)
from tune_asr.report.html.thinning import thinned, thinned_note
from tune_asr.report.results import Results

_INTERVALS = 30
_CURVES = 150
_FEW_CURVES = 30
"""Curves that do not hide each other."""
_HIGHEST = 125
"""Percent: a model that has begun to write may be wrong many times a word, for an epoch."""


def intervals_figure(results: Results) -> Figure:
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


def history_figure(shown: Sequence[Standing], results: Results) -> Figure:
    """Return the best rate of every trial by number, and the best so far."""
    name = percent_name(results.metric)
    rates = {int(trial.number): 100 * report.scores.value(results.metric) for trial, report in shown if report}
    drawn = go.Figure()
    drawn.add_scatter(
        x=list(rates),
        y=list(accumulate(rates.values(), min)),
        mode="lines",
        line={"color": GREY, "shape": "hv"},
        name="best so far",
    )
    for status, standings in by_status(shown).items():
        numbers = [int(trial.number) for trial, _ in standings]
        drawn.add_scatter(
            x=numbers, y=[rates[number] for number in numbers], mode="markers", marker=marker(status), name=status
        )
    drawn.update_traces(hovertemplate="trial %{x:05d}<br>%{y:.1f} %<extra></extra>")
    drawn.update_xaxes(**whole_numbers(max(rates) - min(rates)), title="trial")
    drawn.update_yaxes(title=name)
    return figure(
        "history",
        "Every trial, and the best so far",
        drawn,
        f"The best {name[:3]} of each trial over its epochs, in the order in which trials were made.",
        thinned_note(shown, results.ranked),
        height=360,
        showlegend=True,
    )


def curves_figure(results: Results) -> Iterator[Figure]:
    """Yield the rate of each trial over its epochs, the winner's on top; nothing before the first report."""
    reported = [standing for standing in results.ranked if _curve(standing, results)]
    if not reported:
        return
    curves = thinned(reported, results.metric, _CURVES)
    winner = results.ranked[0][0]
    curves.sort(key=lambda standing: standing[0] is winner)
    drawn, named = go.Figure(), set[str]()
    for trial, report in curves:
        name = "winner" if trial is winner else trial.status
        points = _curve((trial, report), results)
        drawn.add_scatter(
            x=list(points),
            y=list(points.values()),
            mode="lines+markers",
            name=name,
            legendgroup=name,
            showlegend=name not in named,
            line={"color": COLOURS[trial.status], "width": 4 if trial is winner else 1.2},
            marker={**marker(trial.status), "size": 5, "maxdisplayed": 12},
            opacity=1.0 if trial is winner else 0.8 if len(curves) <= _FEW_CURVES else 0.45,
            hovertemplate=f"trial {trial.number}, epoch %{{x}}<br>%{{y:.1f}} %<extra></extra>",
        )
        named.add(name)
    lowest, highest = min(min(trace.y) for trace in drawn.data), max(max(trace.y) for trace in drawn.data)
    highest = max(min(highest, _HIGHEST), lowest)
    room = 0.05 * (highest - lowest) or 1
    drawn.update_yaxes(title=percent_name(results.metric), range=[lowest - room, highest + room])
    epochs = max(trial.epoch for trial, _ in curves)
    drawn.update_xaxes(**whole_numbers(epochs), title="epoch", range=[0.5, epochs + 0.5])
    yield figure(
        "curves",
        "Learning curves",
        drawn,
        "A curve ends where its trial was pruned.",
        thinned_note(curves, reported),
        height=420,
        showlegend=True,
    )


def _curve(standing: Standing, results: Results) -> dict[int, float]:
    """Return the trial's rates in percent by epoch."""
    return {
        report.epoch: 100 * rate
        for report in standing[0].reports
        if (rate := report.scores.get(results.metric)) is not None
    }


def cost_figure(shown: Sequence[Standing], results: Results) -> Figure:
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
