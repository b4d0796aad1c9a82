"""Pareto front of the trials; their size and speed as cells of a leaderboard, and in words."""

from __future__ import annotations

from collections.abc import Sequence

from tune_asr.record.events import Decision, Report
from tune_asr.record.ranking import Standing
from tune_asr.record.trial import Trial
from tune_asr.space.sections import Aim, SearchSection
from tune_asr.space.wants import MEASURED, front

FRONT, BEYOND = "pareto_front", "beyond_limit"
"""Columns of the leaderboard, under `search.objectives` and under `search.limits`."""


def pareto_front(ranked: Sequence[Standing], objectives: Sequence[Aim]) -> set[str]:
    """Return the trials that no other beats in all objectives.

    Error rates are those of a trial's best epoch. A trial that diverged, is beyond a limit or lacks a value is left
    out.
    """
    found: dict[str, list[float]] = {}
    for trial, report in ranked:
        values = [objective(trial, report, name) for name in objectives]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values) and not trial.is_beyond_limit and trial.status != "diverged":
            found[trial.number] = known
    return front(found)


def objective(trial: Trial, report: Report | None, name: Aim) -> float | None:
    """Return the value of one objective, None if not known.

    Args:
        trial: trial with its first epoch.
        report: its best epoch.
        name: objective.
    """
    if name == "num_parameters":
        return trial.num_parameters
    if name == "rtf":
        return trial.rtf
    return report.scores.get(name) if report else None


def measured_names(search: SearchSection) -> list[str]:
    """Return the wanted ones of size and speed."""
    return [name for name in MEASURED if name in search.objectives or getattr(search.limits, name) is not None]


def wanted_columns(search: SearchSection) -> list[str]:
    """Return the last columns of leaderboard.csv; none by default."""
    has_limits = any(getattr(search.limits, name) is not None for name in MEASURED)
    return [*measured_names(search), *([FRONT] if search.objectives else []), *([BEYOND] if has_limits else [])]


def wanted_cells(trial: Trial, on_front: set[str]) -> dict[str, object]:
    """Return the cells of a trial for all such columns."""
    return {
        "num_parameters": trial.num_parameters,
        "rtf": trial.rtf,
        FRONT: trial.number in on_front,
        BEYOND: trial.excess.limit if trial.excess else None,
    }


def excess_text(decision: Decision) -> str:
    """Return a value beyond a limit, and the limit."""
    if decision.limit == "num_parameters":
        return f"{decision.value:,.0f} parameters, and the limit is {decision.cutoff or 0:,.0f}"
    return f"{decision.limit} {decision.value:.3g}, and the limit is {decision.cutoff or 0:.3g}"
