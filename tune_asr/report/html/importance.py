"""Figure of the importance of each key, by Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence

import optuna
import plotly.graph_objects as go
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from tune_asr.record.state import Trial
from tune_asr.report.html.axes import Axis
from tune_asr.report.html.look import ACCENT, Figure, figure
from tune_asr.report.results import Results
from tune_asr.report.rungs import RungOrder

_FEWEST = 4
_SURE = 30
"""Trials below which importances are little more than a guess."""
_MOST = 1_000
"""Trials given to Optuna."""


def importance_figure(results: Results, axes: Sequence[Axis], orders: Sequence[RungOrder]) -> Iterator[Figure]:
    """Draw the importances; nothing for too few trials."""
    trials, values, place = _comparable(results, orders)
    if len(trials) < _FEWEST or not any(trial.params for trial in trials):
        return
    found = _importances(trials, values, axes)
    names = list(reversed(found))
    shares = [found[name] for name in names]
    drawn = go.Figure()
    drawn.add_bar(
        x=shares,
        y=names,
        orientation="h",
        text=[f"{share:.2f}" if share >= 0.01 else "<0.01" for share in shares],
        textposition="outside",
        cliponaxis=False,
        marker={"color": ACCENT},
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    drawn.update_xaxes(title="importance", range=[0, 1.15 * max(*shares, 1e-9)])
    guess = f" From {len(trials)} trials this is little more than a guess." if len(trials) < _SURE else ""
    yield figure(
        "importance",
        "Which values matter",
        drawn,
        f"Share of each value in whether a trial is among the best (PED-ANOVA, Watanabe et al., 2023), {place}.{guess}",
        height=80 + 28 * len(names),
        legend=False,
    )


def _comparable(results: Results, orders: Sequence[RungOrder]) -> tuple[list[Trial], Mapping[str, float], str]:
    """Return trials, their values, and where they are compared.

    At the first rung all trials have trained for the same epochs, and none has been dropped.
    """
    if orders:
        values, place = orders[0].values, f"over all trials at epoch {orders[0].epoch}"
    else:
        values = {trial.number: report.scores.value(results.metric) for trial, report in results.ranked if report}
        place = "over the best epochs of all trials"
    trials = [trial for trial in results.state.trials.values() if trial.number in values]
    return trials[:: -(-len(trials) // _MOST) or 1], values, place


def _importances(trials: Sequence[Trial], values: Mapping[str, float], axes: Sequence[Axis]) -> dict[str, float]:
    """Return the share of each axis, the largest first."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="minimize")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few trials: the caption mentions it
        for trial in trials:
            own = [axis for axis in axes if axis.key in trial.params]
            study.add_trial(
                optuna.create_trial(
                    value=values[trial.number],
                    params={axis.name: axis.value(trial) for axis in own},
                    distributions={axis.name: _distribution(axis) for axis in own},
                )
            )
        return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())


def _distribution(axis: Axis) -> BaseDistribution:
    if axis.choices:
        return CategoricalDistribution(axis.choices)
    if axis.is_whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.is_log)
    return FloatDistribution(axis.low, axis.high, log=axis.is_log)
