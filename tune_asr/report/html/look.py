"""Look that all figures share: colours, symbols, and the layout of the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import plotly.io

from tune_asr.record.ranking import Standing
from tune_asr.scoring.metric import Metric

# Plotly's own looks are 7 KB in every figure, slow to merge, and made for a white page.
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
"""Told apart by people who are colour-blind, at least 3:1 against the page, light and dark."""
SYMBOLS = {"finished": "circle", "pruned": "x", "running": "diamond", "paused": "diamond"}
"""Colour is never the only sign. What is not here is a square."""
DASHES = {
    "finished": "solid",
    "pruned": "dot",
    "running": "dash",
    "paused": "dash",
    "diverged": "dashdot",
    "failed": "dashdot",
}
"""Dashes of lines that are coloured by their result."""
PATTERNS = {"pruned": "/", "diverged": "x", "failed": "x", "killed": "x", "paused": "."}
"""Fills of bars, which have no symbols."""
GREY = "#8a8f98"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as the page shows it."""

    id: str
    title: str
    captions: tuple[str, ...]
    spec: dict[str, Any]
    """Plotly's `data` and `layout`."""
    min_width: int = 0
    """Pixels: on a narrower page it scrolls in its box."""


def figure(id: str, title: str, drawn: go.Figure, *captions: str, min_width: int = 0, **layout: Any) -> Figure:
    """A Plotly figure in the looks of the page, which gives the colours of text, grid and ground."""
    legend = layout.get("showlegend", drawn.layout.showlegend) is not False
    drawn.update_layout(
        title=None,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 12, "t": 36 if legend else 8, "b": 8},
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "title": None},
        colorway=[ACCENT],
        width=None,
    )
    # Not "power": Plotly sets it with a style attribute, which the policy forbids.
    drawn.update_xaxes(automargin=True, zeroline=False, exponentformat="e")
    drawn.update_yaxes(automargin=True, zeroline=False)
    drawn.update_layout(layout)
    spec = json.loads(drawn.to_json())
    return Figure(id, title, tuple(caption for caption in captions if caption), spec, min_width)


def whole_numbers(span: int) -> dict[str, Any]:
    """The ticks of an axis of so many whole numbers: Plotly would put more of them, and round their labels."""
    return {"dtick": 1} if span <= 12 else {"tickformat": "d"}


def percent_name(metric: Metric) -> str:
    """What an axis of the metric is called."""
    return "WER %" if metric == "val_wer" else "CER %"


def marker(status: str) -> dict[str, Any]:
    """How a trial of that status is marked."""
    return {"color": COLOURS[status], "symbol": SYMBOLS.get(status, "square"), "size": 8}


def by_status(standings: Sequence[Standing]) -> Mapping[str, list[Standing]]:
    """The standings apart by status, in the order of `COLOURS`."""
    apart: dict[str, list[Standing]] = {}
    for status in COLOURS:
        found = [standing for standing in standings if standing[0].status == status]
        if found:
            apart[status] = found
    return apart
