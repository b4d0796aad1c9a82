"""Figures of the Pareto front: one objective against another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import plotly.graph_objects as go

from tune_asr.record.events import Report
from tune_asr.record.front import objective, pareto_front
from tune_asr.record.ranking import Standing
from tune_asr.record.trial import Trial
from tune_asr.report.html.look import GREY, Figure, by_status, figure, marker
from tune_asr.report.html.thinning import thinned_note
from tune_asr.report.results import Results
from tune_asr.report.trade_offs import NAMES, wants
from tune_asr.space.sections import Aim


def front_figures(shown: Sequence[Standing], results: Results) -> Iterator[Figure]:
    """Draw each further objective against the first one."""
    objectives = wants(results).objectives
    on_front = pareto_front(results.ranked, objectives)
    # The front is drawn whole, also where other trials are left out.
    others = [standing for standing in shown if standing.trial.number not in on_front]
    drawn = [*others, *(standing for standing in results.ranked if standing.trial.number in on_front)]
    if on_front:
        for name in objectives[1:]:
            yield _figure(drawn, results, objectives[0], name, on_front)


def _figure(drawn: Sequence[Standing], results: Results, down: Aim, across: Aim, on_front: set[str]) -> Figure:
    chart, objectives = go.Figure(), wants(results).objectives
    within = [standing for standing in drawn if not standing.trial.is_beyond_limit]
    for status, standings in by_status(within).items():
        _scatter(chart, standings, down, across, status).marker = marker(status)
    if beyond := [standing for standing in drawn if standing.trial.is_beyond_limit]:
        looks = go.scatter.Marker(color=GREY, symbol="circle-open", size=8)
        _scatter(chart, beyond, down, across, "beyond a limit").marker = looks
    front = sorted(_points([standing for standing in drawn if standing.trial.number in on_front], down, across))
    chart.add_scatter(
        x=[x for x, _, _ in front],
        y=[y for _, y, _ in front],
        mode="lines+markers" if len(objectives) == 2 else "markers",
        line={"color": GREY, "shape": "hv", "dash": "dot"},
        marker={"color": GREY, "symbol": "circle-open", "size": 14},
        name="Pareto front",
        hoverinfo="skip",
    )
    chart.update_xaxes(title=NAMES[across], tickformat="~s" if across == "num_parameters" else None)
    chart.update_yaxes(title=NAMES[down])
    title = f"{NAMES[down].removesuffix(' %')} against {NAMES[across].removesuffix(' %')}"
    what = "Ringed trials are on the Pareto front: no other is as good in all objectives and better in one."
    return figure(f"front_{across}", title, chart, what, thinned_note(drawn, results.ranked), height=380)


def _scatter(chart: go.Figure, standings: Sequence[Standing], down: Aim, across: Aim, name: str) -> go.Scatter:
    """Add a point for each trial with both values."""
    points = _points(standings, down, across)
    chart.add_scatter(
        x=[x for x, _, _ in points],
        y=[y for _, y, _ in points],
        mode="markers",
        name=name,
        customdata=[[number] for _, _, number in points],
        hovertemplate=f"trial %{{customdata[0]}}<br>{NAMES[down]} %{{y:.4g}}<br>{NAMES[across]} %{{x:,.4g}}"
        "<extra></extra>",
    )
    return chart.data[-1]


def _points(standings: Sequence[Standing], down: Aim, across: Aim) -> list[tuple[float, float, str]]:
    """Return both values and the number of each trial."""
    found = [(_shown(t, r, across), _shown(t, r, down), t.number) for t, r in standings]
    return [(x, y, number) for x, y, number in found if x is not None and y is not None]


def _shown(trial: Trial, report: Report | None, name: Aim) -> float | None:
    value = objective(trial, report, name)
    return 100 * value if value is not None and NAMES[name].endswith("%") else value
