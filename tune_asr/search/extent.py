"""Extent of a search: trials, horizon and slots, in `plan` events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from tune_asr.record.search_events import Planned
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL
from tune_asr.scoring.metric import Metric
from tune_asr.search.ending import Ending
from tune_asr.search.longer import repeated
from tune_asr.space.plan import Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """Changes asked of a resumed search; None changes nothing."""

    trials: int | None = None
    """Trials of the search itself (N)."""
    horizon: int | None = None
    """Longer horizon for the best settings."""
    returns: bool = False
    """Whether repetitions with a longer horizon are complete, and time is given to the search itself."""
    of_finished: bool = False
    """Whether the search was finished before."""
    given: Mapping[str, JsonValue] = field(default_factory=dict)
    """Keys that `--set` changes."""
    accepted: Mapping[str, JsonValue] = field(default_factory=dict)
    """Changes that `--accept` names, with the new values."""


def plans(plan: Plan, state: SearchState, metric: Metric, slots: int, asked: Asked) -> Iterator[Planned]:
    """Yield the plans to write before a run.

    Release 0.1.0 wrote none; a ledger of it has one only once its extent changes.

    Args:
        plan: space and base configuration.
        state: trials so far.
        metric: error rate that ranks.
        slots: number of trials that run at the same time.
        asked: extent that the user asks for.
    """
    before = state.planned
    if before is None:
        if state.trials and not changes(plan, state, asked):
            return
        before = Planned(trials=plan.num_trials, horizon=plan.last_epoch, slots=slots, cause="start")
        yield before
    trials, horizon = extent_after(plan, state, metric, asked)
    before = replace(before, time=None, slots=slots)
    if changes(plan, state, asked):
        cause = "max_epochs" if asked.horizon else "num_samples"
        if asked.of_finished:  # and so is the time of the search
            before = replace(before, deadline_seconds=None, limit=None)
        elif asked.trials and before.deadline_seconds is not None:
            before = replace(before, limit=asked.trials)
        yield replace(before, trials=trials, horizon=horizon, cause=cause)
    elif state.planned and state.planned.slots != slots:
        yield replace(before, cause="slots")


def is_finished(plan: Plan, state: SearchState, metric: Metric) -> bool:
    """Return whether a search of this extent is complete.

    Trials may still wait at a rung. The last event may be lost, if the search was killed at its end; but in time that
    is left, a search with a time budget creates more trials.
    """
    if state.planned and state.planned.deadline_seconds is not None:
        return state.status == "finished"
    all_ended = not trials_to_create(plan, state) and not state.open_trials()
    return (state.status == "finished" or all_ended) and not Ending(plan, metric, state).finalists()


def planned_trials(plan: Plan, state: SearchState) -> int:
    """Return the planned trials of this stage (N)."""
    return state.planned.trials if state.planned else plan.num_trials


def trials_to_create(plan: Plan, state: SearchState) -> int:
    """Return the number of trials still to create."""
    if state.stages.now.stopped:
        return 0
    return max(0, planned_trials(plan, state) - len(state.stages.now.trials))


def extent_after(plan: Plan, state: SearchState, metric: Metric, asked: Asked) -> tuple[int, int]:
    """Return trials and horizon once the flags have their effect."""
    if asked.horizon:
        return len(repeated(state, metric, len(state.stages.every))), asked.horizon
    trials = planned_trials(plan, state)
    horizon = state.stages.first.horizon if asked.trials else state.stages.now.horizon
    if asked.returns and not asked.trials:
        trials, horizon = state.stages.first.num_planned, state.stages.first.horizon
    return asked.trials or trials, horizon or plan.last_epoch


def is_complete_stage(state: SearchState) -> bool:
    """Return whether the repetitions have all come to their end."""
    stage, trials = state.stages.now, state.trials
    return (
        bool(state.stages.index)
        and len(stage.trials) >= stage.num_planned
        and all(trials[n].status in FINAL for n in stage.trials)
    )


def changes(plan: Plan, state: SearchState, asked: Asked) -> bool:
    """Return whether a search is to have another extent."""
    if asked.horizon or asked.trials is None:
        return bool(asked.horizon)
    if state.stages.index or _sets_limit(state, asked):
        return True
    if state.stopped:
        return asked.trials > state.num_drawn
    return asked.trials != planned_trials(plan, state)


def _sets_limit(state: SearchState, asked: Asked) -> bool:
    """Return whether a time budget gets another limit."""
    if asked.trials is None or asked.of_finished or state.planned is None or state.planned.deadline_seconds is None:
        return False
    return asked.trials != state.planned.limit


def interrupted(state: SearchState) -> list[str]:
    """Return the trials that continue before any other.

    While the best settings are trained longer, earlier trials stay as they are.
    """
    stage = state.stages.index
    trials = (trial for trial in state.open_trials() if not trial.waits)
    return [trial.number for trial in trials if not stage or trial.stage == stage]
