"""Limits on the size and the speed of trials, judged at their first epoch."""

from __future__ import annotations

from tune_asr.record.events import Decision, Report
from tune_asr.record.trial import Trial
from tune_asr.space.sections import LimitsSection
from tune_asr.space.wants import excess

LIMIT = "limit"
"""Cause of the end of a trial beyond a limit."""


def judge(limits: LimitsSection, trial: Trial, report: Report) -> Decision | None:
    """Return the verdict on a trial beyond a limit.

    The base configuration continues, as the reference, and can never be the best. Finalists and
    repetitions are not judged again.
    """
    is_judged = trial.is_drawn or trial.is_base
    if report.epoch != 1 or not is_judged:
        return None
    found = excess(limits, {"num_parameters": report.num_parameters, "rtf": report.rtf})
    if found is None:
        return None
    return Decision(
        trial=trial.number,
        rung=-1,
        epoch=report.epoch,
        value=found.value,
        cutoff=found.limit,
        verdict="continue" if trial.is_base else "stop",
        limit=found.key,
    )
