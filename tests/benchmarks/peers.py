"""Optuna and Ray Tune by ask and tell, on recorded curves or on live trainings.

Both propose by Optuna's multivariate TPE. A table has no curve for a setting between its rows, so there the sampler
ranks the untried rows by its own acquisition, and takes the first; until it has a model, it takes rows in the order
given.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import HyperbandPruner
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from pydantic import JsonValue
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from tests.simulation.curves import Trained
from tests.simulation.draws import Draw
from tests.simulation.simulated import Job
from tune_asr.space import distributions

Space = Mapping[str, BaseDistribution]


@dataclass(frozen=True, slots=True)
class Setup:
    """Search of a peer, before it begins."""

    space: Space
    sampler: TPESampler
    trials: int
    horizon: int
    value: str = "val_wer"
    """Score that it minimises: WER as most users would, or the engine's own."""


def on_table(draw: Draw, value: str = "val_wer") -> Setup:
    """Return a search over the rows of a table."""
    sampler = RowSampler(draw)
    return Setup(sampler.space, sampler, draw.trials, draw.table.horizon, value)


def optuna_space(param_space: Mapping[str, JsonValue]) -> dict[str, BaseDistribution]:
    """Return a space as Optuna has it."""
    return {key: _distribution(distributions.parse(value)) for key, value in param_space.items()}


def _distribution(ours: distributions.Distribution) -> BaseDistribution:
    if ours.bounds is None:
        return CategoricalDistribution(ours.arguments)
    low, high = ours.bounds
    if ours.is_whole:
        return IntDistribution(int(low), int(high), log=ours.is_log)
    step = ours.arguments[2] if len(ours.arguments) > 2 and not ours.is_log else None
    return FloatDistribution(low, high, log=ours.is_log, step=step)


class RowSampler(TPESampler):
    """TPE over the untried rows of a table."""

    def __init__(self, draw: Draw) -> None:
        super().__init__(multivariate=True, seed=draw.seed)
        self.table, self.space = draw.table, optuna_space(draw.table.space)
        self.untried = list(draw.order)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all keys from the first trial on."""
        return self.space

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        """Return the params of an untried row."""
        params = super().sample_relative(study, trial, search_space)
        row = self.table.number(params) if params else self.untried[0]
        self.untried.remove(row)
        return dict(self.table.curves[row].params)

    def _build_parzen_estimator(self, *args: Any, **kwargs: Any) -> Any:
        estimator = super()._build_parzen_estimator(*args, **kwargs)
        estimator.sample = lambda _rng, _size: self._candidates()
        return estimator

    def _candidates(self) -> dict[str, np.ndarray]:
        rows = [self.table.curves[row].params for row in self.untried]
        return {
            key: np.array([distribution.to_internal_repr(row[key]) for row in rows])
            for key, distribution in self.space.items()
        }


class OptunaPeer:
    """TPE with the Hyperband pruner, as Optuna's documentation pairs them."""

    def __init__(self, setup: Setup) -> None:
        _be_quiet()
        self.setup = setup
        pruner = HyperbandPruner(max_resource=setup.horizon)
        self.study = optuna.create_study(sampler=setup.sampler, pruner=pruner)
        self.asked: dict[str, optuna.Trial] = {}
        self.lowest: dict[str, float] = {}

    def take(self) -> Job | None:
        """Ask for a trial."""
        if len(self.asked) == self.setup.trials:
            return None
        trial = self.study.ask(dict(self.setup.space))
        self.asked[str(trial.number)] = trial
        return Job(str(trial.number), trial.params)

    def report(self, job: Job, trained: Trained) -> bool:
        """Report an epoch, and tell the end."""
        trial, value = self.asked[job.trial], trained.scores.value(self.setup.value)
        lowest = self.lowest[job.trial] = min(value, self.lowest.get(job.trial, math.inf))
        trial.report(value, job.epoch)
        if trained.last:
            self.study.tell(trial, lowest)
        elif trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            return True
        return False

    def diverged(self, job: Job) -> None:
        """Tell a failure."""
        self.study.tell(self.asked[job.trial], state=TrialState.FAIL)


@dataclass(frozen=True, slots=True)
class _Trial:
    """Trial, as far as the scheduler looks at it."""

    trial_id: str


class RayPeer:
    """ASHA with the Optuna search, both of Ray Tune.

    Args:
        setup: space, sampler and score.
        asha: arguments of the scheduler; its own defaults are grace_period 1, reduction_factor 4.
    """

    def __init__(self, setup: Setup, asha: Mapping[str, int] | None = None) -> None:
        _be_quiet()
        self.setup = setup
        self.search = OptunaSearch(space=dict(setup.space), metric="value", mode="min", sampler=setup.sampler)
        self.scheduler = ASHAScheduler(metric="value", mode="min", max_t=setup.horizon, **(asha or {}))
        self.created = 0

    def take(self) -> Job | None:
        """Ask for a trial."""
        if self.created == self.setup.trials:
            return None
        number, self.created = str(self.created), self.created + 1
        self.search.suggest(number)
        self.scheduler.on_trial_add(None, _Trial(number))
        return Job(number, self.search._ot_trials[number].params)  # suggest nests dotted keys

    def report(self, job: Job, trained: Trained) -> bool:
        """Report an epoch to scheduler and search, as Tune does."""
        result = {"training_iteration": job.epoch, "value": trained.scores.value(self.setup.value)}
        decision = self.scheduler.on_trial_result(None, _Trial(job.trial), result)
        self.search.on_trial_result(job.trial, result)
        if decision == TrialScheduler.CONTINUE and not trained.last:
            return True
        self.scheduler.on_trial_complete(None, _Trial(job.trial), result)
        self.search.on_trial_complete(job.trial, result)
        return False

    def diverged(self, job: Job) -> None:
        """Report an error."""
        self.scheduler.on_trial_remove(None, _Trial(job.trial))
        self.search.on_trial_complete(job.trial, error=True)


def _be_quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
