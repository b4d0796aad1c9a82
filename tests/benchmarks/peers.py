"""Optuna and Ray Tune on recorded curves, by ask and tell.

Both propose by Optuna's multivariate TPE. A table has no curve for a setting between its rows, so the sampler ranks the
untried rows by its own acquisition, and takes the first; until it has a model, it takes rows in the order given.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import HyperbandPruner
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from tests.benchmarks.quality import Draw
from tests.benchmarks.simulated import Job
from tests.benchmarks.tables import Curve, Table
from tune_asr.space import distributions

Value = Callable[[Curve, int], float]
"""Value of a curve at an epoch, by which a peer compares trials."""


def val_wer(curve: Curve, epoch: int) -> float:
    """Return the word error rate, as most users would report it."""
    return curve.scores(epoch).value("val_wer")


def wer_and_cer(curve: Curve, epoch: int) -> float:
    """Return the score by which the engine compares trials."""
    return curve.scores(epoch).value("score")


def optuna_space(table: Table) -> dict[str, BaseDistribution]:
    """Return a table's space as Optuna has it."""
    return {key: _distribution(distributions.parse(value)) for key, value in table.space.items()}


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
        self.table, self.space = draw.table, optuna_space(draw.table)
        self.untried = list(draw.order)
        self.taken: list[int] = []

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all keys from the first trial on."""
        return self.space

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        """Return the params of an untried row."""
        params = super().sample_relative(study, trial, search_space)
        row = self.table.number(params) if params else self.untried[0]
        self.untried.remove(row)
        self.taken.append(row)
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

    def __init__(self, draw: Draw, value: Value = val_wer) -> None:
        _be_quiet()
        self.draw, self.value, self.sampler = draw, value, RowSampler(draw)
        pruner = HyperbandPruner(max_resource=draw.table.horizon)
        self.study = optuna.create_study(sampler=self.sampler, pruner=pruner)
        self.asked: dict[str, optuna.Trial] = {}

    def take(self) -> Job | None:
        """Ask for a trial."""
        if len(self.asked) == self.draw.trials:
            return None
        trial = self.study.ask(self.sampler.space)
        self.asked[str(trial.number)] = trial
        return Job(str(trial.number), self.sampler.taken[-1], 0)

    def report(self, job: Job, curve: Curve) -> bool:
        """Report an epoch, and tell the end."""
        trial = self.asked[job.trial]
        trial.report(self.value(curve, job.epoch), job.epoch)
        if job.epoch == curve.epochs and curve.end == "finished":
            self.study.tell(trial, min(self.value(curve, epoch) for epoch in range(1, job.epoch + 1)))
            return False
        if trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
            return False
        return True

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
        draw: table and order.
        value: value that both compare.
        asha: arguments of the scheduler; its own defaults are grace_period 1, reduction_factor 4.
    """

    def __init__(self, draw: Draw, value: Value = val_wer, asha: Mapping[str, int] | None = None) -> None:
        _be_quiet()
        self.draw, self.value, self.sampler = draw, value, RowSampler(draw)
        self.search = OptunaSearch(space=self.sampler.space, metric="value", mode="min", sampler=self.sampler)
        self.scheduler = ASHAScheduler(metric="value", mode="min", max_t=draw.table.horizon, **(asha or {}))
        self.created = 0

    def take(self) -> Job | None:
        """Ask for a trial."""
        if self.created == self.draw.trials:
            return None
        job = Job(str(self.created), -1, 0)
        self.search.suggest(job.trial)
        self.scheduler.on_trial_add(None, _Trial(job.trial))
        self.created += 1
        job.row = self.sampler.taken[-1]
        return job

    def report(self, job: Job, curve: Curve) -> bool:
        """Report an epoch to scheduler and search, as Tune does."""
        result = {"training_iteration": job.epoch, "value": self.value(curve, job.epoch)}
        decision = self.scheduler.on_trial_result(None, _Trial(job.trial), result)
        self.search.on_trial_result(job.trial, result)
        if decision == TrialScheduler.CONTINUE and not (job.epoch == curve.epochs and curve.end == "finished"):
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
