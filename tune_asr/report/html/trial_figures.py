"""Figures with a point for each trial: rate and cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from tune_asr.record.ranking import Standing
from tune_asr.report.html.look import GREY, Figure, by_status, figure, marker, percent_name
from tune_asr.report.html.thinning import thinned_note
from tune_asr.report.results import Results

_INTERVALS = 30
"""Trials with an interval."""


def intervals_figure(results: Results) -> Figure:
    """Draw the WER of the first trials with bootstrap intervals."""
    first = [standing for standing in results.ranked[:_INTERVALS] if results.utterances.get(standing.trial.number)]
    drawn = go.Figure()
    for status, standings in by_status(first).items():
        rates, below, above = [], [], []
        for trial, report in standings:
            utterances = results.utterances[trial.number]
            assert report and utterances, "chosen above"
            low, high = utterances.interval()
            rate = report.scores.value("val_wer")
            rates.append(100 * rate)
            below.append(100 * (rate - low))
            above.append(100 * (high - rate))
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
    drawn.update_yaxes(type="category", categoryorder="array", categoryarray=order, dtick=1)
    drawn.update_xaxes(title="WER %")
    more = len(results.ranked) > len(first)
    return figure(
        "intervals",
        "How sure each WER is",
        drawn,
        "Each row is a trial, the best on top, with the 95 % interval of a bootstrap over the validation utterances "
        "(Bisani and Ney, 2004). If two intervals overlap widely, either trial may be the better one; the first and "
        "the second are compared utterance by utterance above.",
        f"The first {len(first)} of the leaderboard." if more else "",
        height=110 + 22 * len(first),
    )


def cost_figure(shown: Sequence[Standing], results: Results) -> Figure:
    """Draw the best rates against training time."""
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
    drawn.update_xaxes(title="training and validation, seconds", rangemode="tozero")
    drawn.update_yaxes(title=name)
    return figure(
        "cost",
        f"{name[:3]} against training time",
        drawn,
        "Seconds in one slot, summed over the epochs of the trial.",
        thinned_note(shown, results.ranked),
        height=380,
    )


def _front(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Return the points that none beats in both, cheapest first."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if not front or y < front[-1][1]:
            front.append((x, y))
    return [x for x, _ in front], [y for _, y in front]
