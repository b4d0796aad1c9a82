"""Forecast of a search that is not run: `search --dry-run --time`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack

from tune_asr.search.budget import END_SECONDS, Budget, Command
from tune_asr.search.cards.mistakes import require_gpus
from tune_asr.search.foresight import (
    Extent,
    Measured,
    extent_for,
    limit_of,
    lines,
    measured,
    rule_of,
)
from tune_asr.search.interrupts import Interrupts
from tune_asr.search.placing import place
from tune_asr.search.ray import cluster
from tune_asr.search.ray.cpus import LocalRay
from tune_asr.space.durations import seconds_of
from tune_asr.space.forecast import forecast, seconds_of_round
from tune_asr.space.horizon import plan_with
from tune_asr.space.plan import Plan
from tune_asr.wording import count, estimate

_GIGABYTE, _MEGABYTE = 1e9, 1e6


def print_forecast(plan: Plan, address: str | None, command: Command) -> None:
    """Time some settings in Ray, and print the forecast.

    Args:
        plan: space and base configuration.
        address: address of a Ray cluster, None for a local Ray.
        command: time of the command.

    Raises:
        ConfigError: the time budget is too short for one trial, or a GPU is asked for where none is.
        TuneAsrError: no setting can be trained.
        ClusterError: Ray cannot be reached.
    """
    require_gpus(plan, address)
    text = plan.space.search.time_budget
    budget = seconds_of(text) if text else None
    local = LocalRay() if address else LocalRay.of(plan.space)
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts(cluster.leave_nothing))
        stack.enter_context(cluster.ray_session("forecast", address, lambda: None, interrupts, local))
        placement = place(plan, address, interrupts.exit_if_any)
        started = Budget.of_run(command, 0.0).clock()
        found = measured(plan, placement, budget, interrupts.exit_if_any)
    slots = placement.slots
    print(*placement.lines(), sep="\n", end="\n" * bool(placement.device))
    extent = Extent(plan.num_trials, plan.last_epoch, slots)
    if budget is not None:
        left = budget - started - found.ready_seconds
        fixed, limit = command.fixes_horizon, limit_of(plan)
        extent = extent_for(plan, found, slots, left, fixed=fixed, budget=budget, limit=limit)
        print(*lines(plan, found, extent, plan.last_epoch, budget), sep="\n")
    print(*_forecast_lines(plan_with(plan, extent.horizon), found, extent, started, budget or math.inf), sep="\n")


def _forecast_lines(plan: Plan, found: Measured, extent: Extent, started: float, limit: float) -> Iterator[str]:
    """Yield the forecast, each line an interval.

    Args:
        plan: plan with the horizon of the extent.
        found: measured costs.
        extent: extent of the search.
        started: seconds until Ray was up.
        limit: time budget.
    """
    pace, rule, slots = found.pace, rule_of(plan), extent.slots
    work = forecast(rule, extent.trials)
    epochs = [share * work.epochs for share in rule.epoch_range]
    finalists = plan.space.search.finalists
    last = seconds_of_round(finalists, extent.horizon, pace, slots)
    around = started + 2 * found.ready_seconds + END_SECONDS + last
    seconds = [min(limit, around + share * work.seconds(pace, slots)) for share in rule.time_range(pace)]
    memory = [slots * bytes_ / _GIGABYTE for bytes_ in _ends([cost.memory_bytes for cost in found.costs])]
    sizes = _ends([cost.checkpoint_bytes for cost in found.costs])
    runs = extent.trials + (finalists.top * finalists.seeds if finalists else 0)
    yield f"forecast of {count(runs, 'trial')} in {count(slots, 'slot')}:"
    timed = count(len(found.costs), "setting")
    yield f"  epoch   {pace.fastest:.2g} to {pace.slowest:.2g} s, from some steps of {timed}"
    yield f"  time    {estimate(seconds[0])} to {estimate(seconds[1])}"
    yield f"  epochs  {epochs[0]:.0f} to {epochs[1]:.0f}"
    yield f"  memory  {memory[0]:.1f} to {memory[1]:.1f} GB, beside Ray's own"
    if gpu := max(cost.gpu_bytes for cost in found.costs):
        yield f"  GPU     up to {gpu / _GIGABYTE:.1f} GB for each trial"
    yield f"  disk    {runs * sizes[0] / _MEGABYTE:.0f} to {(2 * runs + slots) * sizes[1] / _MEGABYTE:.0f} MB"


def _ends(values: list[int]) -> tuple[int, int]:
    return min(values), max(values)
