"""Figures of rates from trial to trial and over epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import plotly.graph_objects as go

from tune_asr.record.ranking import Standing
from tune_asr.record.trial import Trial
from tune_asr.report.html.look import COLOURS, GREY, Figure, by_status, figure, marker, percent_name, whole_numbers
from tune_asr.report.html.thinning import thinned, thinned_note
from tune_asr.report.results import Results

_CURVES = 150
_FEW_CURVES = 30
"""Curves that do not hide each other."""
_HIGHEST = 125
"""Percent. For an epoch, a model that begins to write may make many errors a word."""


def history_figure(shown: Sequence[Standing], results: Results) -> Figure:
    """Draw each trial's best rate, and the best so far."""
    name = percent_name(results.metric)
    rates = {int(trial.number): 100 * report.scores.value(results.metric) for trial, report in shown if report}
    may_win = {int(trial.number) for trial, _ in shown if not trial.is_beyond_limit}
    best = {number: rate for number, rate in rates.items() if number in may_win}
    drawn = go.Figure()
    drawn.add_scatter(
        x=list(best),
        y=list(accumulate(best.values(), min)),
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
        f"The best {name[:3]} of each trial over its epochs, in the order in which the trials were drawn.",
        thinned_note(shown, results.ranked),
        height=360,
    )


def curves_figure(results: Results) -> Iterator[Figure]:
    """Draw rates over epochs; nothing without a report."""
    reported = [standing for standing in results.ranked if _curve(standing.trial, results)]
    if not reported:
        return
    curves = thinned(reported, results.metric, _CURVES)
    winner = results.loadable[0].trial
    curves.sort(key=lambda standing: standing.trial is winner)
    drawn, named = go.Figure(), set[str]()
    for trial, _ in curves:
        name = "winner" if trial is winner else trial.status
        points = _curve(trial, results)
        drawn.add_scatter(
            x=list(points),
            y=list(points.values()),
            mode="lines+markers",
            name=name,
            legendgroup=name,
            showlegend=name not in named,
            line={"color": COLOURS[trial.status], "width": 4 if trial is winner else 1.2},
            marker=marker(trial.status, size=5, maxdisplayed=12),
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
        "The curve of a pruned trial ends early.",
        thinned_note(curves, reported),
        height=420,
    )


def _curve(trial: Trial, results: Results) -> dict[int, float]:
    """Return the trial's rates in percent by epoch."""
    return {
        report.epoch: 100 * rate for report in trial.reports if (rate := report.scores.get(results.metric)) is not None
    }
