"""Start of a run with a time budget: what is measured, planned and printed before its first trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tune_asr.record.search_events import Planned
from tune_asr.record.state import SearchState
from tune_asr.search.budget import Budget, Command
from tune_asr.search.cards.placement import Placement
from tune_asr.search.extent import extent_after, is_complete_stage
from tune_asr.search.foresight import Measured, extent_for, limit_of, lines, measured
from tune_asr.search.more_time import require_enough
from tune_asr.search.search import Search
from tune_asr.space.durations import seconds_of, written
from tune_asr.space.horizon import plan_with
from tune_asr.space.plan import Plan


@dataclass(frozen=True, slots=True)
class Timed:
    """Search and time budget of a run."""

    search: Search
    """Search, with the horizon that fits."""
    budget: Budget
    lines: Sequence[str] = ()
    """Lines for people, printed before the first trial."""


def timed(
    search: Search, state: SearchState, placement: Placement, command: Command, on_wait: Callable[[], None]
) -> Timed:
    """Return the time budget of a run.

    Args:
        search: search as configured.
        state: trials so far.
        placement: slots and resources.
        command: time of the command, and its time budget.
        on_wait: callback while settings are timed; an error that it raises leaves this function.

    Raises:
        ConfigError: the time is too short for one trial.
        TuneAsrError: no setting can be trained.
    """
    budget = Budget.of_run(command, state.used_seconds)
    deadline = _deadline(search.plan, state, command)
    if deadline is None:
        return Timed(search, budget)
    found = None
    if not state.epochs:
        found = measured(search.plan, placement, deadline, on_wait)
        budget = replace(budget, pace=found.pace)
    if found and state.planned is None:
        return _planned(search, budget, found, placement, deadline, fixed=command.fixes_horizon)
    if command.budget is None:
        return Timed(search, budget)
    require_enough(search, state, command, budget)
    asked = replace(search.asked, returns=is_complete_stage(state))
    trials, horizon = extent_after(search.plan, state, search.metric, asked)
    more = Planned(
        trials=trials,
        horizon=horizon,
        slots=placement.slots,
        deadline_seconds=deadline,
        limit=search.asked.trials or _limit(state),
        cause=f"{written(command.budget)} more",
    )
    said = f"{more.cause}: {written(deadline)} in all, of which {written(state.used_seconds)} are used"
    return Timed(search, replace(budget, planned=more), [said])


def _limit(state: SearchState) -> int | None:
    """Return the earlier limit of trials.

    It ends with the search that came to it: what time it is given more is for more trials.
    """
    limit = state.planned.limit if state.planned else None
    is_spent = limit is not None and state.status == "finished" and state.num_drawn >= limit
    return None if is_spent else limit


def _deadline(plan: Plan, state: SearchState, command: Command) -> float | None:
    if command.budget is not None:
        return state.used_seconds + command.budget
    if state.planned is not None:
        return state.planned.deadline_seconds
    asked = plan.space.search.time_budget
    return None if asked is None or state.trials else seconds_of(asked)


def _planned(
    search: Search, budget: Budget, found: Measured, placement: Placement, deadline: float, *, fixed: bool
) -> Timed:
    """Return the budget and extent of a new search."""
    plan, left = search.plan, deadline - budget.clock()
    limit = search.asked.trials or limit_of(plan)
    extent = extent_for(plan, found, placement.slots, left, fixed=fixed, budget=deadline, limit=limit)
    start = Planned(
        trials=extent.trials,
        horizon=extent.horizon,
        slots=placement.slots,
        deadline_seconds=deadline,
        limit=limit,
        cause="start",
    )
    said = lines(plan, found, extent, plan.last_epoch, deadline)
    return Timed(replace(search, plan=plan_with(plan, extent.horizon)), replace(budget, planned=start), list(said))
