"""Figures of the searched values and their results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from tune_asr.record.ranking import Standing
from tune_asr.report.axes import Axis
from tune_asr.report.html.look import (
    ACCENT,
    DASHES,
    GREY,
    Figure,
    by_status,
    figure,
    marker,
    percent_name,
    whole_numbers,
)
from tune_asr.report.html.thinning import thinned_note
from tune_asr.report.results import Results
from tune_asr.wording import printable, shortened

_SCALE = [ACCENT, "#8c8ca8", "#d9730d"]
"""From good to bad."""
_AXIS_WIDTH = 70
"""Pixels."""
_LABEL = 12
"""Characters of a tick label."""
_OFF = -0.14
"""Height of a line at an axis whose key the trial does not have."""


def parallel_figure(shown: Sequence[Standing], results: Results, axes: Sequence[Axis]) -> Figure:
    """Draw each trial as a line through its values."""
    name = percent_name(results.metric)
    rates = {trial.number: 100 * report.scores.value(results.metric) for trial, report in shown if report}
    rate_axis = Axis("", name, (), min(rates.values()), max(rates.values()))
    spans = [axis.spanning([trial for trial, _ in shown]) for axis in axes]
    drawn = go.Figure()
    for trial, _ in sorted(shown, key=lambda standing: -rates[standing.trial.number]):
        rate = rates[trial.number]
        values = [axis.value(trial) for axis in spans]
        height = rate_axis.place(rate)
        drawn.add_scatter(
            x=list(range(len(axes) + 1)),
            y=[height, *(_OFF if v is None else axis.place(v) for axis, v in zip(spans, values, strict=True))],
            mode="lines",
            line={"color": sample_colorscale(_SCALE, [height])[0], "dash": DASHES[trial.status], "width": 1.2},
            opacity=0.75,
            name=trial.status,
            showlegend=False,
            customdata=[
                f"{name}: {rate:.1f}",
                *(f"{a.name}: {'off' if v is None else _shown(v)}" for a, v in zip(axes, values, strict=True)),
            ],
            hovertemplate=f"trial {trial.number}, {trial.status}<br>%{{customdata}}<extra></extra>",
        )
    for status in by_status(shown):
        drawn.add_scatter(x=[None], y=[None], mode="lines", line={"color": GREY, "dash": DASHES[status]}, name=status)
    _draw_axes(drawn, [rate_axis, *spans])
    off = [x for x, axis in enumerate(axes, start=1) if any(axis.key not in trial.params for trial, _ in shown)]
    _draw_off(drawn, off)
    return figure(
        "parallel",
        "Settings and what came of them",
        drawn,
        f"Each line is a trial, from its {name[:3]} on the left through its values; the best are blue and on top."
        + (" It passes below an axis whose value it does not have." if off else ""),
        thinned_note(shown, results.ranked),
        min_width=_AXIS_WIDTH * (len(axes) + 1),
        height=420,
    )


def _shown(value: object) -> str:
    return "off" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _draw_axes(drawn: go.Figure, axes: Sequence[Axis]) -> None:
    """Draw upright axes with their ticks.

    The page colours lines and labels.
    """
    for x, axis in enumerate(axes):
        drawn.add_shape(type="line", x0=x, x1=x, y0=0, y1=1, line={"width": 1.5})
        for y, label in axis.ticks():
            drawn.add_annotation(
                x=x, y=y, text=shortened(label, _LABEL), showarrow=False, xanchor="right", xshift=-3, font={"size": 10}
            )
    drawn.update_xaxes(
        range=[-0.6, len(axes) - 0.6],
        tickvals=list(range(len(axes))),
        ticktext=[axis.name for axis in axes],
        tickangle=-30 if len(axes) > 6 else 0,
        showgrid=False,
    )
    drawn.update_yaxes(range=[-0.08, 1.08], visible=False, fixedrange=True)


def _draw_off(drawn: go.Figure, off: Sequence[int]) -> None:
    """Label the place of trials without a value."""
    for x in off:
        drawn.add_annotation(
            x=x, y=_OFF, text="off", showarrow=False, xanchor="right", xshift=-3, font={"size": 10, "style": "italic"}
        )
    if off:
        drawn.update_yaxes(range=[_OFF - 0.06, 1.08])


def slice_figures(shown: Sequence[Standing], results: Results, axes: Sequence[Axis]) -> Iterator[Figure]:
    """Draw the values of each searched key against the rate."""
    for i, axis in enumerate(axes):
        tried = [standing for standing in shown if axis.key in standing.trial.params]
        if not tried:
            continue
        drawn = go.Figure()
        for status, standings in by_status(tried).items():
            drawn.add_scatter(
                x=[axis.value(trial) for trial, _ in standings],
                y=[100 * report.scores.value(results.metric) for _, report in standings if report],
                mode="markers",
                marker=marker(status),
                name=status,
                customdata=[trial.number for trial, _ in standings],
                hovertemplate="trial %{customdata}<br>%{x}<br>%{y:.1f} %<extra></extra>",
            )
        if axis.choices:
            labels = [shortened(choice, _LABEL) for choice in axis.choices]
            drawn.update_xaxes(type="category", categoryorder="array", categoryarray=axis.choices)
            drawn.update_xaxes(tickvals=axis.choices, ticktext=labels)
        elif axis.is_log:
            drawn.update_xaxes(type="log")
        elif axis.is_whole:
            span = axis.spanning([trial for trial, _ in tried])
            drawn.update_xaxes(**whole_numbers(int(span.high - span.low)))
        drawn.update_yaxes(title=percent_name(results.metric))
        yield figure(f"slice-{i}", printable(axis.key), drawn, height=220, legend=False)
