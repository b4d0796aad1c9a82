"""Events that a crash took from the end of a ledger.

A report, its decision and the end that follows are written in one piece, but a power cut may keep the first of them
alone.
"""

from __future__ import annotations

from tune_asr.record.events import Ended, Event, Paused
from tune_asr.record.state import SearchState
from tune_asr.record.trial import AT_RUNG, FINAL, Trial
from tune_asr.search import limits
from tune_asr.search.verdicts import Verdicts, as_event
from tune_asr.space.sections import LimitsSection


def lost_excess(state: SearchState, allowed: LimitsSection) -> list[Event]:
    """Return a lost decision on a limit."""
    if not state.reports:
        return []
    report = state.reports[-1]
    trial = state.trials[report.trial]
    if trial.status in FINAL or trial.excess:
        return []
    decision = limits.judge(allowed, trial, report)
    return [decision] if decision else []


def lost_verdict(state: SearchState, verdicts: Verdicts) -> list[Event]:
    """Return a lost decision on the last report."""
    if not state.reports:
        return []
    report = state.reports[-1]
    trial = state.trials[report.trial]
    judged = any(decision.epoch == report.epoch for decision in trial.decisions)
    if trial.status in FINAL or judged or report.last or _ends_at_limit(trial):
        return []
    decision = verdicts.judge(trial, report)
    return [as_event(trial.number, decision)] if decision else []


def lost_ends(state: SearchState) -> list[Event]:
    """Return lost ends and pauses."""
    ends = (_end(trial) for trial in state.open_trials() if trial.reports)
    return [end for end in ends if end]


def _ends_at_limit(trial: Trial) -> bool:
    return trial.excess is not None and trial.excess.verdict == "stop"


def _end(trial: Trial) -> Event | None:
    if _ends_at_limit(trial):
        return Ended(event="pruned", trial=trial.number, epoch=trial.epoch, cause=limits.LIMIT)
    if trial.reports[-1].last:
        return Ended(event="finished", trial=trial.number)
    decision = trial.decisions[-1] if trial.decisions else None
    if decision is None or decision.epoch != trial.epoch:
        return None
    if decision.verdict == "stop":
        return Ended(event="pruned", trial=trial.number, epoch=trial.epoch)
    if decision.verdict == "pause" and trial.status == "running":
        return Paused(trial=trial.number, epoch=trial.epoch, cause=AT_RUNG)
    return None
