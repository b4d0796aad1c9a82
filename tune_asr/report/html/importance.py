"""The search as an Optuna study in memory, for what `optuna.visualization` draws.

Optuna draws completed trials alone in most of its figures, and a search that prunes has few. So there are two studies:
in `faithful`, states are what they were; in `comparable`, every trial that has a result is complete, and those that
did not finish violate a constraint, which Optuna draws apart from the rest.

What Optuna and Plotly are given as text is anybody's, and Plotly takes text for a kind of HTML: it is escaped here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from tune_asr.record.ranking import Standing
from tune_asr.record.state import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.space import distributions
from tune_asr.wording import short_names, value_text

_STATES = {
    "pending": TrialState.WAITING,
    "running": TrialState.RUNNING,
    "paused": TrialState.RUNNING,
    "finished": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.FAIL,
    "failed": TrialState.FAIL,
}
_LONGEST = 60
"""Characters of a name or a value in a figure."""


class Space:
    """The searched keys as Optuna has them: their names, and a distribution that holds every value that was tried.

    Args:
        keys: the searched keys, by their path.
        param_space: by path, the distribution as search_spaces/*.yaml spells it; empty where that is not known.
        trials: those that are drawn.
    """

    def __init__(self, keys: Sequence[str], param_space: Mapping[str, Any], trials: Sequence[Trial]) -> None:
        names = [plain(name) for name in short_names(keys)]
        # Names that are cut may come to be the same.
        unique = [name if names.count(name) == 1 else f"{name} {i}" for i, name in enumerate(names, start=1)]
        self.names = dict(zip(keys, unique, strict=True))
        self.distributions = {
            key: _distribution(param_space.get(key), [trial.params[key] for trial in trials if key in trial.params])
            for key in keys
        }

    def whole_names(self) -> set[str]:
        """The names of those that take whole numbers alone."""
        return {name for key, name in self.names.items() if isinstance(self.distributions[key], IntDistribution)}

    def settings(self, trial: Trial) -> dict[str, Any]:
        """The trial's values and distributions, as keywords of `create_trial`."""
        listed = {key for key in trial.params if isinstance(self.distributions[key], CategoricalDistribution)}
        return {
            "params": {self.names[key]: plain(v) if key in listed else v for key, v in trial.params.items()},
            "distributions": {self.names[key]: self.distributions[key] for key in trial.params},
        }


def plain(value: Any) -> Any:
    """A value as Plotly shows it and takes it for nothing else: a number, or text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = value_text(value)
    return escape(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}...", quote=False)


def faithful(standings: Sequence[Standing], space: Space, metric: Metric) -> optuna.Study:
    """The study whose trials are in the states they were in, with the metric of every epoch, in %."""
    return _study(
        create_trial(
            state=_STATES[trial.status] if report or trial.status != "finished" else TrialState.FAIL,
            value=100 * report.scores.value(metric) if report and trial.status in ("finished", "pruned") else None,
            intermediate_values={
                each.epoch: 100 * value for each in trial.reports if (value := each.scores.get(metric)) is not None
            },
            **space.settings(trial),
        )
        for trial, report in standings
    )


def comparable(standings: Sequence[Standing], space: Space, metric: Metric) -> optuna.Study:
    """The study in which every trial with a result is complete; those that did not finish violate a constraint."""
    return _study(
        create_trial(
            value=100 * report.scores.value(metric),
            constraints={"finished": float(trial.status != "finished")},
            **space.settings(trial),
        )
        for trial, report in standings
        if report
    )


def unconstrained(standings: Sequence[Standing], space: Space, metric: Metric) -> optuna.Study:
    """The same without the constraint, for the figure that leaves out violations of it where values are listed."""
    return _study(
        create_trial(value=100 * report.scores.value(metric), **space.settings(trial))
        for trial, report in standings
        if report
    )


def at_rung(trials: Sequence[Trial], values: Mapping[str, float], space: Space) -> optuna.Study:
    """The study of one rung: every trial that came to it, with what it was compared by."""
    return _study(
        create_trial(value=values[trial.number], **space.settings(trial)) for trial in trials if trial.number in values
    )


def _study(trials: Iterable[FrozenTrial]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="minimize")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental features
        study.add_trials(trials)
    return study


def _distribution(said: Any, values: Sequence[Any]) -> BaseDistribution:
    """The distribution that search.yaml says, where it holds all the values, else the narrowest one that does.

    Steps are left out: no figure shows them.
    """
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    try:
        space = distributions.parse(said)
    except ValueError:
        space = None  # no search.yaml, or a damaged one
    if space and space.kind in distributions.NUMERIC:
        low, high = space.arguments[:2]
        log = "log" in space.kind
        if "randint" in space.kind:
            if all(isinstance(value, int) and low <= value < high for value in values):
                return IntDistribution(int(low), int(high) - 1, log=log)
        elif numeric and all(low <= value <= high for value in values):
            return FloatDistribution(low, high, log=log)
    elif space:
        choices = dict.fromkeys(map(plain, space.arguments))
        if all(plain(value) in choices for value in values):
            return CategoricalDistribution(list(choices))
    if numeric and values:
        return FloatDistribution(min(values), max(values))
    return CategoricalDistribution(list(dict.fromkeys(map(plain, values))) or [""])
