"""Figure of the importance of each key."""

from __future__ import annotations

from collections.abc import Iterator

import plotly.graph_objects as go

from tune_asr.report.axes import axes_of
from tune_asr.report.html.look import ACCENT, GREY, Figure, figure
from tune_asr.report.results import Results
from tune_asr.report.what_matters import what_matters


def importance_figure(results: Results) -> Iterator[Figure]:
    """Draw the importances; nothing for too few trials."""
    matter = what_matters(results)
    if matter is None:
        return
    names = {axis.key: axis.name for axis in axes_of(results)}
    drawn = go.Figure()
    for is_sure, colour, group in ((True, ACCENT, "matters"), (False, GREY, "no more than chance")):
        rows = [row for row in matter.rows if row.is_sure == is_sure]
        drawn.add_bar(
            x=[row.share for row in rows],
            y=[names[row.key] for row in rows],
            orientation="h",
            name=group,
            marker={"color": colour},
            error_x={
                "array": [row.high - row.share for row in rows],
                "arrayminus": [row.share - row.low for row in rows],
                "thickness": 1.4,
                "width": 4,
            },
            customdata=[[row.low, row.high] for row in rows],
            hovertemplate="%{y}: %{x:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})<extra></extra>",
        )
    order = [names[row.key] for row in reversed(matter.rows)]
    drawn.update_yaxes(type="category", categoryorder="array", categoryarray=order)
    drawn.update_xaxes(title="importance", range=[0, 1])
    yield figure(
        "importance",
        "Which values matter",
        drawn,
        "Share of each value in whether a trial is among the best quarter (PED-ANOVA, Watanabe et al., 2023), beyond "
        f"chance, over {matter.trials} trials {matter.place}. Whiskers are 95 % intervals of resampled trials. Grey "
        "values do not differ from results that are shuffled.",
        height=110 + 28 * len(order),
    )
