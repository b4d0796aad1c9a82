"""Settings of the next trial, from the state of the search."""

from __future__ import annotations

from pydantic import JsonValue

from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.space.plan import Plan


def settings_of(plan: Plan, number: int, state: SearchState, metric: Metric) -> dict[str, JsonValue]:
    """Return the settings of a new trial.

    Args:
        plan: space and base configuration.
        number: number of the trial.
        state: trials before it.
        metric: error rate that chooses the winner.
    """
    return plan.settings(number)
