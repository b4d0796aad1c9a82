"""Settings of the next trial, from the state of the search."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pydantic import JsonValue

from tune_asr.record.events import Report
from tune_asr.record.ranking import rung_value
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.space.history import History, Outcome, WarmPoint, points_of_trials
from tune_asr.space.plan import Plan
from tune_asr.space.proposals import propose, schedule_of


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


def predicted_finals(
    plan: Plan, trials: Sequence[Trial], metric: Metric, latest: Report | None = None
) -> dict[str, float]:
    """Return the predicted final score of each judged trial.

    Args:
        plan: plan with the horizon of the trials.
        trials: trials of one horizon.
        metric: error rate that chooses the winner.
        latest: report that no trial has yet.
    """
    also = {latest.trial: [latest]} if latest else {}
    histories = [_history(trial, plan.last_epoch, metric, also.get(trial.number, [])) for trial in trials]
    points = points_of_trials(histories, schedule_of(plan))
    return {trial.number: its[-1].value for trial, its in zip(trials, points, strict=True) if its}


def _history(trial: Trial, last_epoch: int, metric: Metric, also: Sequence[Report] = ()) -> History:
    scores = (rung_value(report, "score", metric) for report in (*trial.reports, *also))
    return History(trial.params, list(itertools.accumulate(scores, min)), _outcome(trial, last_epoch))


def _outcome(trial: Trial, last_epoch: int) -> Outcome:
    if trial.is_beyond_limit:
        return "worst"
    match trial.status:
        case "finished":
            return "whole" if trial.epoch >= last_epoch else "early"
        case "pruned":
            return "whole"
        case "diverged":
            return "worst"
        case "failed":
            return "worst" if trial.of_setting else "void"
        case _:
            return "open"
