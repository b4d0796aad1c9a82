"""Look that all figures share: colours, symbols and layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import plotly.io

from tune_asr.record.ranking import Standing
from tune_asr.scoring.metric import Metric, metric_name

# The template of Plotly adds 7 KB to each figure, is slow to merge, and made for a white page.
plotly.io.templates.default = None

ACCENT = "#3b82c4"
COLOURS = {
    "finished": ACCENT,
    "pruned": "#d9730d",
    "running": "#1b9e77",
    "paused": "#1b9e77",
    "pending": "#8a8f98",
    "diverged": "#c2559d",
    "failed": "#c2559d",
    "killed": "#c2559d",
}
"""Distinct for colour-blind readers, with a contrast of 3:1 or more against the page, light and dark."""
SYMBOLS = {"finished": "circle", "pruned": "x", "running": "diamond", "paused": "diamond"}
"""Shape of each status, since colour alone is not enough; a square for those that are missing."""
DASHES = {
    "finished": "solid",
    "pruned": "dot",
    "running": "dash",
    "paused": "dash",
    "diverged": "dashdot",
    "failed": "dashdot",
}
"""Dashes of each status, for lines that are coloured by their result."""
PATTERNS = {"pruned": "/", "diverged": "x", "failed": "x", "killed": "x", "paused": "."}
"""Fills of bars, which have no symbols."""
GREY = "#8a8f98"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as the page shows it."""

    id: str
    title: str
    captions: tuple[str, ...]
    spec: object
    """Plotly's `data` and `layout`, as plain values."""
    height: int
    """Pixels."""
    min_width: int = 0
    """Pixels. On a narrower page the figure scrolls in its box."""


def figure(
    id: str, title: str, drawn: go.Figure, *captions: str, height: int, min_width: int = 0, legend: bool = True
) -> Figure:
    """Give a Plotly figure the look of the page."""
    drawn.update_layout(
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 12, "t": 36 if legend else 8, "b": 8},
        hovermode="closest",
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        colorway=[ACCENT],
    )
    # Plotly writes "power" with a style attribute, which the policy forbids.
    drawn.update_xaxes(automargin=True, zeroline=False, exponentformat="e")
    drawn.update_yaxes(automargin=True, zeroline=False)
    shown = tuple(caption for caption in captions if caption)
    return Figure(id, title, shown, json.loads(drawn.to_json()), height, min_width)


def whole_numbers(span: int) -> dict[str, int | str]:
    """Return ticks for an axis of `span` whole numbers."""
    return {"dtick": 1} if span <= 12 else {"tickformat": "d"}


def percent_name(metric: Metric) -> str:
    """Return the title of an axis of the metric."""
    return f"{metric_name(metric)} %"


def marker(status: str, size: int = 8, maxdisplayed: int = 0) -> go.scatter.Marker:
    """Return the marker of a status."""
    symbol = SYMBOLS.get(status, "square")
    return go.scatter.Marker(color=COLOURS[status], symbol=symbol, size=size, maxdisplayed=maxdisplayed or None)


def by_status(standings: Sequence[Standing]) -> Mapping[str, list[Standing]]:
    """Group the standings by status, in the order of `COLOURS`."""
    groups = {status: [standing for standing in standings if standing.trial.status == status] for status in COLOURS}
    return {status: group for status, group in groups.items() if group}
