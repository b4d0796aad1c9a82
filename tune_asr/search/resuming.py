"""Plan of a resumed search, and the extent its flags ask for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tune_asr.config.overrides import Override
from tune_asr.config.strict_yaml import parse_value
from tune_asr.errors import ConfigError, Problem
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.search_yaml import SearchYaml
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.search.extent import Asked, is_finished
from tune_asr.search.longer import repeated
from tune_asr.space import plan as plans
from tune_asr.space.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """Flags of a resume, as they were given."""

    num_samples: str | None = None
    max_epochs: str | None = None


def resumed_plan(folder: ResultsFolder, description: SearchYaml, overrides: Sequence[Override] = ()) -> Plan:
    """Return the plan in search.yaml, with overrides."""
    return plans.from_values(description["space"], description["config"], str(folder.search_yaml), overrides)


def asked_extent(folder: ResultsFolder, description: SearchYaml, state: SearchState, more: More) -> Asked:
    """Return the extent that the flags ask for.

    Raises:
        ConfigError: the search cannot have it.
    """
    if more.num_samples is not None and more.max_epochs is not None:
        what = "--num-samples and --max-epochs cannot be given together: longer trainings repeat the best settings"
        raise ConfigError(what, "Resume twice: first with more trials, then with a longer horizon.")
    plan = resumed_plan(folder, description)
    if more.num_samples is not None:
        place = f"--num-samples {more.num_samples}"
        if state.stages.index:
            what = f"the trainings with {state.stages.now.horizon} epochs are not finished"
            _require_finished(folder, plan, state, description["metric"], Problem(place, what))
        asked = resumed_plan(folder, description, _flag(place, more.num_samples, "search.num_samples"))
        return Asked(trials=_enough(asked.num_trials, state, place))
    if more.max_epochs is not None:
        place = f"--max-epochs {more.max_epochs}"
        what = "the best settings are trained longer once the search is finished, and it is not"
        _require_finished(folder, plan, state, description["metric"], Problem(place, what))
        longer = _flag(place, more.max_epochs, "trainer.max_epochs", "asha.max_t")
        horizon = resumed_plan(folder, description, longer).max_t
        return Asked(horizon=_above(horizon, plan, state, description["metric"], place))
    return Asked()


def _flag(place: str, text: str, *keys: str) -> list[Override]:
    return [Override(key, parse_value(text, place), place, Path.cwd()) for key in keys]


def _enough(trials: int, state: SearchState, place: str) -> int:
    created = len(state.stages.first.trials)
    if trials < created:
        what = f"makes {trials} trials in all, but {created} are created already"
        raise ConfigError(Problem(place, what, "Give a larger number; the trials so far count."))
    return trials


def _above(horizon: int, plan: Plan, state: SearchState, metric: Metric, place: str) -> int:
    before = state.plan.horizon if state.plan else plan.last_epoch
    if horizon <= before:
        what = f"is {horizon}, but must be above the horizon of the search so far, which is {before}"
        raise ConfigError(Problem(place, what, "Give more epochs."))
    if not repeated(state, metric, len(state.stages.every)):
        raise ConfigError(Problem(place, "no trial has a result, so there is no setting to train longer"))
    return horizon


def _require_finished(folder: ResultsFolder, plan: Plan, state: SearchState, metric: Metric, problem: Problem) -> None:
    if not is_finished(plan, state, metric):
        raise ConfigError(replace(problem, hint=f"Finish it first: {command(folder)}."))


def command(folder: ResultsFolder) -> str:
    """Return the command that resumes a search."""
    return f"python -m tune_asr.search --resume {shlex.quote(str(folder.root))}"
