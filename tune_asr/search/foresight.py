"""Forecast of a search before its first trial, and the extent that fits its time budget.

The costs of the smallest, the default and the largest setting are measured. An epoch of any setting is taken to last as
long as its number of parameters lets expect between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tune_asr.errors import ConfigError, Problem, TuneAsrError
from tune_asr.search.budget import END_SECONDS
from tune_asr.search.cards.placement import Placement
from tune_asr.search.ray.timing import measure_costs, measure_sizes
from tune_asr.space.durations import written
from tune_asr.space.forecast import (
    FEWEST,
    Pace,
    Rule,
    fitting_horizon,
    fitting_trials,
    forecast,
    seconds_needed,
    seconds_of_round,
)
from tune_asr.space.plan import MAX_TRIALS, Plan
from tune_asr.wording import count, estimate

if TYPE_CHECKING:
    from tune_asr.training.timing import Cost

DRAWS = 32
"""Settings whose sizes are compared."""
SHORTEST, LONGEST = 3.0, 30.0
"""Seconds in which one setting is timed."""
WHOLE = 1.2
"""Time to advise for the whole horizon, over what it needs: the first timing is rough."""
SHARE = 0.02
"""Share of the time budget in which one setting is timed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Costs of the settings of a space."""

    pace: Pace
    costs: Sequence[Cost]
    """Costs of the smallest, the default and the largest setting, as far as they could be trained."""
    ready_seconds: float
    """Seconds until the first process was ready, with its data."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Extent of a search."""

    trials: int
    horizon: int
    slots: int


def measured(plan: Plan, placement: Placement, budget: float | None, on_wait: Callable[[], None]) -> Measured:
    """Measure the costs of three settings.

    Args:
        plan: space and base configuration.
        placement: slots and resources.
        budget: time budget in seconds, None without one.
        on_wait: callback while it waits; an error that it raises leaves this function.

    Raises:
        TuneAsrError: no setting can be trained.
        ClusterError: Ray was lost.
    """
    everyone = settings_of_space(plan)
    sizes = measure_sizes(everyone, placement.resources, on_wait)
    chosen = chosen_settings(sizes.parameters)
    seconds = LONGEST if budget is None else min(LONGEST, max(SHORTEST, SHARE * budget))
    alone = measure_costs([everyone[index] for index in chosen], seconds, placement.resources_alone, on_wait)
    found = [cost if isinstance(cost, TuneAsrError) else _slower(cost, placement.slower) for cost in alone]
    costs = {sizes.parameters[i]: c for i, c in zip(chosen, found, strict=True) if not isinstance(c, TuneAsrError)}
    timed = [cost for cost in found if not isinstance(cost, TuneAsrError)]
    if not timed:
        raise next(error for error in found if isinstance(error, TuneAsrError))
    known = {size: cost.epoch_seconds for size, cost in costs.items()}
    every = [interpolated(known, size) for size in sizes.parameters if size] or list(known.values())
    epochs = [cost.epoch_seconds for cost in timed]
    if len(known) < len(epochs):  # equal sizes: what differs between them is not in the number of parameters
        every = epochs
    set_up = sum(cost.set_up_seconds for cost in timed) / len(timed)
    pace = Pace(sum(every) / len(every), min(epochs), max(epochs), set_up)
    return Measured(pace, timed, sizes.ready_seconds)


def _slower(cost: Cost, factor: float) -> Cost:
    """Return the cost beside other trials of the same GPU."""
    return replace(cost, epoch_seconds=factor * cost.epoch_seconds)


def settings_of_space(plan: Plan) -> list[Mapping[str, Any]]:
    """Return the base and some draws, as plain values."""
    drawn = [plan.settings(number) for number in range(1, 1 + DRAWS)] if plan.distributions else []
    return [plan.trial_values(settings, 0) for settings in ({}, *drawn)]


def chosen_settings(sizes: Sequence[int]) -> list[int]:
    """Return the indices of smallest setting, base and largest.

    The base is the first. Those that cannot be built have the size 0.
    """
    others = [index for index in range(1, len(sizes)) if sizes[index]]
    if not others:
        return [0]
    smallest = min(others, key=lambda index: (sizes[index], index))
    largest = max(others, key=lambda index: (sizes[index], index))
    return list(dict.fromkeys([smallest, 0, largest]))


def interpolated(known: Mapping[int, float], size: int) -> float:
    """Return the seconds at a size, between known ones."""
    below = max((known_size for known_size in known if known_size <= size), default=min(known))
    above = min((known_size for known_size in known if known_size >= size), default=max(known))
    if below == above:  # a known size, or one beyond them
        return known[below]
    share = (size - below) / (above - below)
    return known[below] + share * (known[above] - known[below])


def extent_for(
    plan: Plan, found: Measured, slots: int, left: float, *, fixed: bool, budget: float, limit: int | None
) -> Extent:
    """Return the extent that fits a time.

    Args:
        plan: space and base configuration, with the configured horizon.
        found: measured costs.
        slots: number of trials at the same time.
        left: seconds that are left for everything.
        fixed: whether the horizon must stay.
        budget: whole time budget, for the message.
        limit: largest number of trials, None without one.

    Raises:
        ConfigError: not even one trial fits.
    """
    rule, most = rule_of(plan), limit or MAX_TRIALS
    finalists = plan.space.search.finalists

    def spare(horizon: int) -> float:
        return left - found.ready_seconds - END_SECONDS - seconds_of_round(finalists, horizon, found.pace, slots)

    if not fixed:
        rule = replace(rule, horizon=fitting_horizon(rule, found.pace, slots, spare, most))
    trials = fitting_trials(rule, found.pace, slots, spare(rule.horizon), most)
    if trials < 1:
        lacking = seconds_needed(rule, found.pace, slots, 1) - spare(rule.horizon)
        what = f"is {written(budget)}, but one trial of {count(rule.horizon, 'epoch')} does not fit into it"
        hint = f"The smallest that would do is about {written(10 * (1 + (budget + 1.1 * lacking) // 10))}."
        raise ConfigError(Problem("search.time_budget", what, hint))
    return Extent(trials, rule.horizon, slots)


def rule_of(plan: Plan) -> Rule:
    """Return the rule of a plan, for forecasts."""
    return Rule(plan.space.asha, plan.last_epoch, plan.includes_base)


def limit_of(plan: Plan) -> int | None:
    """Return the limit of trials under a time budget."""
    return None if plan.space.search.num_samples is None else plan.num_trials


def lines(plan: Plan, found: Measured, extent: Extent, configured: int, budget: float) -> Iterator[str]:
    """Yield three lines about time budget and extent."""
    pace, rule = found.pace, replace(rule_of(plan), horizon=extent.horizon)
    fit, epochs = "fits" if extent.trials == 1 else "fit", count(round(forecast(rule, extent.trials).epochs), "epoch")
    yield (
        f"time budget {written(budget)}: an epoch takes about {_seconds(pace.epoch)} "
        f"({_seconds(pace.fastest)} to {_seconds(pace.slowest)}, {count(len(found.costs), 'setting')} timed)"
    )
    yield (
        f"about {count(extent.trials, 'trial')} {fit}, {extent.slots} at a time, with {epochs} in all; "
        "at each new wave the number follows the time left"
    )
    if extent.horizon < configured:
        horizon = count(extent.horizon, "epoch")
        why = f"so that {FEWEST} trials fit" if extent.trials >= FEWEST else "and no more trials fit: give it more time"
        yield f"the schedule is laid over {horizon} in place of {configured}, {why}"
        if extent.horizon <= plan.space.asha.grace_period:
            yield _hardly_learnt(plan, found, extent, configured)
    else:
        yield f"the winner is trained to the end of its schedule, {count(extent.horizon, 'epoch')}"


def _hardly_learnt(plan: Plan, found: Measured, extent: Extent, configured: int) -> str:
    """Return a warning of a horizon below the first rung."""
    rule, finalists = replace(rule_of(plan), horizon=configured), plan.space.search.finalists
    needed = seconds_needed(rule, found.pace, extent.slots, min(FEWEST, limit_of(plan) or FEWEST))
    needed += seconds_of_round(finalists, configured, found.pace, extent.slots) + found.ready_seconds + END_SECONDS
    enough = written(60 * (1 + WHOLE * needed // 60))
    return (
        f"warning: after {count(extent.horizon, 'epoch')} hardly anything is learnt, and nothing is judged "
        f"(asha.grace_period is {plan.space.asha.grace_period}). Give the search about --time-budget {enough} for "
        f"{count(configured, 'epoch')}, or fix them with --max-epochs E, for fewer trials"
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else estimate(seconds)
