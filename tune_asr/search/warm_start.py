"""Scores of an earlier search, from which the model of a new one proposes.

Only its values at rungs and at the last epoch are copied, into the new ledger: the earlier folder is only read, and not
needed afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from tune_asr.config.overrides import leaves
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ranking import rung_value
from tune_asr.record.search_events import Warmed
from tune_asr.record.search_yaml import SearchYaml, read_search_yaml
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.search.description import changed_versions
from tune_asr.space import plan as plans
from tune_asr.space.asha import milestones
from tune_asr.space.branches import ABSENT, lookup
from tune_asr.space.plan import Plan
from tune_asr.wording import count, value_text

PLACE = "search.warm_start"
_MOST_KEYS = 8
"""Changed keys of the base that are listed."""


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Scores to copy, and sentences about them."""

    events: tuple[Warmed, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Earlier:
    """Earlier search."""

    root: Path
    description: SearchYaml
    plan: Plan
    state: SearchState

    @property
    def last_epoch(self) -> int:
        """Last epoch of a trial."""
        return self.state.stages.first.horizon or self.plan.last_epoch

    @property
    def epochs(self) -> list[int]:
        """Rungs and the last epoch."""
        asha = self.plan.space.asha
        return [*milestones(asha.grace_period, asha.reduction_factor, self.last_epoch), self.last_epoch]


def warm_start(plan: Plan, data_fingerprint: str | None) -> WarmStart:
    """Read the scores of `search.warm_start`; nothing without one.

    Args:
        plan: space and base configuration of the new search.
        data_fingerprint: fingerprint of its data, None for custom data.

    Raises:
        ConfigError: there is no such folder, or its search has nothing to start from.
        StorageError: the folder holds no search, is damaged, or its search runs.
    """
    if plan.space.search.warm_start is None:
        return WarmStart()
    earlier = _read(Path(plan.space.search.warm_start))
    if not plan.distributions.keys() & earlier.plan.distributions.keys():
        there = ", ".join(earlier.plan.distributions) or "nothing"
        what = f"{earlier.root} searched {there}, and none of the keys of this space"
        raise ConfigError(Problem(PLACE, what, "Name a search over the same keys, or leave warm_start out."))
    every = list(_scores(earlier, plan))
    inside = [event for event in every if _is_inside(plan, event.params)]
    if not inside:
        epoch = earlier.epochs[0]
        why = "all its values are outside the ranges of this space" if every else f"no trial came to epoch {epoch}"
        what = f"there is nothing to start from in {earlier.root}: {why}"
        raise ConfigError(Problem(PLACE, what, "Name another search, or leave warm_start out."))
    return WarmStart(tuple(inside), tuple(_lines(earlier, plan, len(every), inside, data_fingerprint)))


def _read(root: Path) -> _Earlier:
    if not root.is_dir():
        what = f"is {root}, but there is no such folder"
        raise ConfigError(
            Problem(PLACE, what, "In a space a path is relative to its folder, in --set to the working directory.")
        )
    folder = ResultsFolder.open_existing(root)
    if folder.is_running():
        what = "a search runs here, so its scores would be incomplete"
        raise StorageError(Problem(str(root), what, "Wait for its end or stop it, or leave search.warm_start out."))
    description = read_search_yaml(folder.search_yaml)
    earlier = plans.from_values(description["space"], description["config"], str(folder.search_yaml))
    return _Earlier(root, description, earlier, SearchState.read(folder.ledger))


def _scores(earlier: _Earlier, plan: Plan) -> Iterator[Warmed]:
    metric, epochs = earlier.description["metric"], earlier.epochs
    for trial in earlier.state.trials.values():
        if trial.is_drawn:
            params = _params(trial, earlier, plan)
            for epoch in epochs:
                if math.isfinite(score := _best_up_to(trial, epoch, metric)):
                    yield Warmed(params=params, epoch=epoch, score=score, of=trial.number)


def _params(trial: Trial, earlier: _Earlier, plan: Plan) -> dict[str, JsonValue]:
    """Return an earlier trial's values of the keys.

    A key that only this space varies has the value of the earlier base.
    """
    whole = earlier.plan.trial_values(trial.params, trial.seed)
    fixed = {key: lookup(whole, key) for key in plan.distributions if key not in earlier.plan.distributions}
    values = {**{key: value for key, value in fixed.items() if value is not ABSENT}, **trial.params}
    return plan.conditions.on({key: values[key] for key in plan.distributions if key in values})


def _best_up_to(trial: Trial, epoch: int, metric: Metric) -> float:
    """Return the lowest score so far, infinity before the epoch."""
    if trial.epoch < epoch:
        return math.inf
    return min(rung_value(report, "score", metric) for report in trial.reports[:epoch])


def _is_inside(plan: Plan, params: Mapping[str, JsonValue]) -> bool:
    return all(plan.distributions[key].covers(value) for key, value in params.items())


def _lines(
    earlier: _Earlier, plan: Plan, num_scores: int, inside: list[Warmed], data_fingerprint: str | None
) -> Iterator[str]:
    trials = len({event.of for event in inside})
    yield f"warm start: {count(len(inside), 'score')} of {count(trials, 'trial')} of {earlier.root}"
    if outside := num_scores - len(inside):
        yield f"warm start: {count(outside, 'score')} left out, with values outside the ranges"
    if data_fingerprint is None or earlier.description["data_fingerprint"] is None:
        yield "warm start: custom data, so a change of the data would not be seen"
    elif data_fingerprint != earlier.description["data_fingerprint"]:
        yield "warm start: the data differ"
    if earlier.last_epoch != plan.last_epoch:
        yield f"warm start: trials ended after {count(earlier.last_epoch, 'epoch')}, now after {plan.last_epoch}"
    changed = list(_changed_keys(earlier, plan))
    for line in changed[:_MOST_KEYS]:
        yield f"warm start: the base differs in {line}"
    if len(changed) > _MOST_KEYS:
        yield f"warm start: and in {count(len(changed) - _MOST_KEYS, 'more key')}"
    if versions := changed_versions(earlier.description["versions"]):
        yield f"warm start: the versions differ: {versions}"


def _changed_keys(earlier: _Earlier, plan: Plan) -> Iterator[str]:
    """Yield keys with other values in the earlier base.

    Those that both searches vary are no part of it. A key that only the earlier one varied had several values.
    """
    both = plan.distributions.keys() & earlier.plan.distributions.keys()
    before, now = (leaves(each.config.model_dump(mode="json")) for each in (earlier.plan, plan))
    passed = set(both)
    if earlier.last_epoch != plan.last_epoch:  # has a line of its own
        passed.add("trainer.max_epochs")
    if now["text.score"] == "auto":  # the earlier search has settled it by its data
        passed.add("text.score")
    for key in dict.fromkeys((*before, *now)):
        if key in passed or before.get(key, ABSENT) == now.get(key, ABSENT):
            continue
        old, new = (value_text(values[key]) if key in values else "none" for values in (before, now))
        yield f"{key}: {old}, now {new}"
    for key in earlier.plan.distributions.keys() - both:
        yield f"{key}: searched there, fixed now"
