"""Settings of the next trial, from the state of the search."""

from __future__ import annotations

import itertools

from pydantic import JsonValue

from tune_asr.record.ranking import rung_value
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.space.history import History, Outcome, WarmPoint
from tune_asr.space.plan import Plan
from tune_asr.space.proposals import propose


def settings_of(plan: Plan, number: int, state: SearchState, metric: Metric) -> dict[str, JsonValue]:
    """Return the settings of a new trial.

    Args:
        plan: space and base configuration.
        number: number of the draw, from 0.
        state: trials before it.
        metric: error rate that chooses the winner.
    """
    if plan.space.search.algorithm != "auto":
        return plan.settings(number)
    warm = [WarmPoint(event.params, event.epoch, event.score) for event in state.warm]
    return propose(plan, number, [_history(trial, plan.last_epoch, metric) for trial in state.drawn], warm)


def _history(trial: Trial, last_epoch: int, metric: Metric) -> History:
    scores = (rung_value(report, "score", metric) for report in trial.reports)
    return History(trial.params, list(itertools.accumulate(scores, min)), outcome_of(trial, last_epoch))


def outcome_of(trial: Trial, last_epoch: int) -> Outcome:
    """Return the end of a trial for the model."""
    if trial.status == "diverged":
        return "diverged"
    if trial.is_beyond_limit:
        return "worst"
    match trial.status:
        case "finished":
            return "whole" if trial.epoch >= last_epoch else "early"
        case "pruned":
            return "whole"
        case "failed":
            return "worst" if trial.of_setting else "void"
        case _:
            return "open"
