"""The figures that Optuna draws of a search, in the looks of the page and with our trial numbers.

Optuna numbers the trials of a study from 0 and colours for a white page; both are put right after it has drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import optuna
import plotly.graph_objects as go
from optuna.visualization import (
    plot_intermediate_values,
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_slice,
)
from plotly.colors import sample_colorscale

from tune_asr.record.ranking import Standing, searched_keys
from tune_asr.report.html.importance import Space, at_rung, comparable, faithful, unconstrained
from tune_asr.report.html.look import (
    ACCENT,
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
from tune_asr.report.rungs import rung_orders
from tune_asr.wording import printable

_SCALE = [ACCENT, "#8c8ca8", "#d9730d"]
"""From good to bad."""
_CURVES = 150
_FEW_CURVES = 30
"""So many do not hide each other."""
_FEWEST_FOR_IMPORTANCE = 4
_SURE_IMPORTANCE = 30
"""Trials, below which importances are hardly more than a guess."""
_AT_RUNG = 1_000


def optuna_figures(results: Results) -> tuple[list[Figure], list[Figure]]:
    """The figures of a search, and the small ones: one a searched key."""
    param_space = results.search.get("space", {}).get("param_space") or {}
    space = Space(searched_keys(results.state), param_space, list(results.state.trials.values()))
    shown = [standing for standing in thinned(results.ranked, results.metric) if standing[1]]
    figures = [*_curves(results, space)]
    if not shown:
        return figures, []
    study = comparable(shown, space, results.metric)
    figures = [_history(study, shown, results), *figures]
    if any(trial.params for trial, _ in shown):
        figures += [_parallel(study, shown, results, space), *_importances(results, space)]
    return figures, list(_slices(space, shown, results))


def _history(study: optuna.Study, shown: Sequence[Standing], results: Results) -> Figure:
    name = percent_name(results.metric)
    numbers = [int(trial.number) for trial, _ in shown]
    drawn = plot_optimization_history(study, target_name=name)
    finished, best, others = drawn.data
    for trace in drawn.data:
        trace.x = [numbers[i] for i in trace.x]
    # The best of a search may be a trial that was pruned, which Optuna leaves out here.
    best.update(
        y=np.minimum.accumulate(np.array([frozen.value for frozen in study.trials], float)),
        name="best so far",
        line={"color": GREY, "shape": "hv"},
    )
    status = {int(trial.number): trial.status for trial, _ in shown}
    finished.update(name="finished", marker=marker("finished"))
    unfinished = [status[number] for number in others.x]
    symbols, colours = [marker(s)["symbol"] for s in unfinished], [COLOURS[s] for s in unfinished]
    others.update(name=_others(shown), showlegend=bool(unfinished))
    others.marker = {"color": colours, "symbol": symbols, "size": 8}
    drawn.update_traces(hovertemplate="trial %{x:05d}<br>%{y:.1f} %<extra></extra>")
    drawn.update_xaxes(**whole_numbers(numbers[-1] - numbers[0]), title="trial")
    return figure(
        "history",
        "Every trial, and the best so far",
        drawn,
        f"The best {name[:3]} of each trial over its epochs, in the order in which trials were made.",
        thinned_note(shown, results.ranked),
        height=360,
    )


def _curves(results: Results, space: Space) -> Iterator[Figure]:
    curves = [(trial, report) for trial, report in thinned(results.ranked, results.metric, _CURVES) if trial.reports]
    study = faithful(curves, space, results.metric)
    drawn = plot_intermediate_values(study)
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.RUNNING)
    seen = [
        trial
        for (trial, _), frozen in zip(curves, study.trials, strict=True)
        if frozen.state in states and frozen.intermediate_values
    ]
    if not seen:
        return
    named: set[str] = set()
    best = results.ranked[0][0].number
    for trace, trial in zip(drawn.data, seen, strict=True):
        winner = trial.number == best
        trace.update(
            name="winner" if winner else trial.status,
            legendgroup="winner" if winner else trial.status,
            showlegend=winner or trial.status not in named,
            line={"color": COLOURS[trial.status], "width": 4 if winner else 1.2},
            marker={**marker(trial.status), "size": 5, "maxdisplayed": 12},
            opacity=1.0 if winner else 0.8 if len(seen) <= _FEW_CURVES else 0.45,
            hovertemplate=f"trial {trial.number}, epoch %{{x}}<br>%{{y:.1f}} %<extra></extra>",
        )
        if not winner:
            named.add(trial.status)
    lowest, highest = min(min(trace.y) for trace in drawn.data), max(max(trace.y) for trace in drawn.data)
    drawn.update_layout(xaxis_title="epoch", yaxis_title=percent_name(results.metric), showlegend=True)
    # A model that has begun to speak may be wrong many times a word, for an epoch.
    highest = max(min(highest, 125), lowest)
    room = 0.05 * (highest - lowest) or 1
    drawn.update_yaxes(range=[lowest - room, highest + room])
    epochs = max(trial.epoch for trial in seen)
    drawn.update_xaxes(**whole_numbers(epochs), range=[0.5, epochs + 0.5])
    drawn.data = sorted(drawn.data, key=lambda trace: trace.name == "winner")
    left_out = sum(1 for trial, _ in results.ranked if trial.reports) - len(seen)
    note = f"{left_out:,} trials are not drawn: diverged or failed ones, and some of many." if left_out else ""
    yield figure("curves", "Learning curves", drawn, "A curve ends where its trial was pruned.", note, height=420)


def _parallel(study: optuna.Study, shown: Sequence[Standing], results: Results, space: Space) -> Figure:
    name = percent_name(results.metric)
    drawn = plot_parallel_coordinate(study, target_name=name)
    lines = [trace for trace in drawn.data if trace.mode == "lines" and trace.customdata is not None]
    for trace in lines:
        trace.line.color = sample_colorscale(_SCALE, [trace.y[0]])[0]
        trace.opacity = 0.75
    lines.sort(key=lambda trace: -trace.y[0])
    rest = [trace for trace in drawn.data if trace.customdata is None]
    for trace in rest:
        if trace.marker.showscale:
            trace.marker.update(colorscale=_SCALE, reversescale=False, colorbar={"thickness": 10, "len": 0.9})
        trace.update(name={"Feasible": "finished", "Infeasible": _others(shown)}.get(trace.name, trace.name))
        trace.line.color = GREY
    drawn = go.Figure([*lines, *rest], drawn.layout)
    whole = {i for i, name in enumerate(drawn.layout.xaxis.ticktext or ()) if name in space.whole_names()}
    drawn.layout.annotations = [
        annotation.update(font={"size": 10})
        for annotation in drawn.layout.annotations
        if annotation.x not in whole or "." not in annotation.text
    ]
    axes = len(drawn.layout.xaxis.tickvals or ())
    drawn.update_xaxes(tickangle=-30 if axes > 6 else 0)
    return figure(
        "parallel",
        "Settings and what came of them",
        drawn,
        f"A line a trial, from its {name[:3]} on the left through its values; the best are blue and on top.",
        thinned_note(shown, results.ranked),
        min_width=70 * axes,
        height=420,
        margin={"l": 44, "r": 8, "t": 36, "b": 8},
    )


def _slices(space: Space, shown: Sequence[Standing], results: Results) -> Iterator[Figure]:
    studies = {
        status: unconstrained(standings, space, results.metric) for status, standings in by_status(shown).items()
    }
    for i, (path, name) in enumerate(space.names.items()):
        drawn = go.Figure()
        for status, study in studies.items():
            if any(name in frozen.params for frozen in study.trials):
                found = plot_slice(study, params=[name], target_name=percent_name(results.metric))
                drawn.add_traces(found.data)
                drawn.update_layout(xaxis=found.layout.xaxis, yaxis=found.layout.yaxis)
                drawn.data[-1].update(name=status, marker={**marker(status), "line": None})
        if not drawn.data:
            continue
        # Optuna writes the text of a choice as Python does, in quotes.
        texts = {repr(choice): str(choice) for choice in getattr(space.distributions[path], "choices", ())}
        for trace in drawn.data:
            trace.marker.update(colorbar=None, showscale=False, colorscale=None)
            trace.x = [texts.get(x, x) for x in trace.x]
        drawn.update_xaxes(title=None, categoryarray=list(texts.values()) or None)
        if name in space.whole_names() and drawn.layout.xaxis.type != "log":
            drawn.update_xaxes(**whole_numbers(max(max(t.x) for t in drawn.data) - min(min(t.x) for t in drawn.data)))
        drawn.update_traces(hovertemplate="%{x}<br>%{y:.1f} %<extra></extra>", showlegend=False)
        yield figure(f"slice-{i}", printable(path), drawn, height=220, showlegend=False)


def _importances(results: Results, space: Space) -> Iterator[Figure]:
    study, where = _first_rung(results, space)
    if len(study.trials) < _FEWEST_FOR_IMPORTANCE or not any(frozen.params for frozen in study.trials):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that trials are few: the caption says so
        drawn = plot_param_importances(study, target_name="importance")
    if not drawn.data:
        return
    drawn.update_traces(marker_color=ACCENT)
    drawn.update_layout(xaxis_title="importance", yaxis_title=None, showlegend=False)
    drawn.update_xaxes(range=[0, 1.15 * max(max(drawn.data[0].x), 1e-9)])
    count = len(study.trials)
    guess = f" From {count} trials it is hardly more than a guess." if count < _SURE_IMPORTANCE else ""
    yield figure(
        "importance",
        "Which values matter",
        drawn,
        "How much a value decides whether a trial is among the best (PED-ANOVA, Watanabe et al., 2023), "
        f"{where}.{guess}",
        height=80 + 28 * len(drawn.data[0].y),
    )


def _first_rung(results: Results, space: Space) -> tuple[optuna.Study, str]:
    """The trials where they can be compared fairly: after the same epochs, before any was dropped."""
    orders = rung_orders(results.state, results.search)
    trials = list(results.state.trials.values())
    if orders:
        step = -(-len(orders[0].values) // _AT_RUNG)
        some = set(list(orders[0].values)[::step])
        chosen = [trial for trial in trials if trial.number in some]
        return at_rung(chosen, orders[0].values, space), f"over all trials at epoch {orders[0].epoch}"
    values = {trial.number: report.scores.value(results.metric) for trial, report in results.ranked if report}
    return at_rung(trials[:: -(-len(trials) // _AT_RUNG)], values, space), "over the best epochs of all trials"


def _others(shown: Sequence[Standing]) -> str:
    """What the trials are that did not finish: `pruned`, where there is no other kind."""
    found: Mapping[str, None] = dict.fromkeys(trial.status for trial, _ in shown if trial.status != "finished")
    return ", ".join(found)
