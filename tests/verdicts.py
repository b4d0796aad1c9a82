"""Verdicts of a ledger, judged again: each `decision` must follow from the events before it.

    for mistake in wrong_verdicts(iter_ledger(folder.ledger), plan, metric): ...

The rules of `space/` are asked anew, in the order of the ledger, whoever wrote it: a replay, a search with several
slots, one that was killed and resumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from tune_asr.record.events import Created, Decision, Event, Report
from tune_asr.record.ranking import rung_value
from tune_asr.record.search_events import Planned, WaveOpened
from tune_asr.record.stages import Stages
from tune_asr.scoring.metric import Metric
from tune_asr.search.verdicts import as_event
from tune_asr.space import asha, stopping
from tune_asr.space.plan import Plan


def wrong_verdicts(events: Iterable[Event], plan: Plan, metric: Metric) -> list[str]:
    """Return what is wrong in a ledger, nothing if each verdict follows from the events before it.

    Args:
        events: events in the order of the ledger.
        plan: space and base configuration.
        metric: error rate that chooses the winner.
    """
    verify = _stopping if plan.space.asha.mode == "stop" else _waves
    return list(verify(events, plan, metric))


def _waves(events: Iterable[Event], plan: Plan, metric: Metric) -> Iterator[str]:
    section = plan.space.asha
    stages, rules, stage_of = Stages(), [_made(plan, plan.last_epoch)], dict[str, asha.Waves]()
    due = set[str]()
    for line, event in enumerate(events, start=1):
        match event:
            case Planned():
                stages.plan(event)
                rules += [_made(plan, stage.horizon or 0) for stage in stages.every[len(rules) :]]
            case WaveOpened():
                rules[stages.index].opened = event.trials
            case Created():
                waves = stage_of[event.trial] = rules[stages.index]
                if event.base:
                    waves.spare(event.trial)
            case Report():
                waves = stage_of[event.trial]
                yield from _never_judged(due & {event.trial})
                waves.enter(event.trial, event.epoch, rung_value(event, section.metric, metric))
                if not event.last and waves.judge(event.trial, event.epoch, math.inf):
                    due.add(event.trial)
            case Decision():
                waves = stage_of[event.trial]
                due.discard(event.trial)
                yield from _compared(line, event, waves.judge(event.trial, event.epoch, math.inf))
                if event.verdict == "continue":
                    waves.judge_no_more(event.trial, control=bool(event.control))
    yield from _never_judged(due)


def _made(plan: Plan, last_epoch: int) -> asha.Waves:
    section = plan.space.asha
    return asha.Waves(
        grace_period=section.grace_period,
        reduction_factor=section.reduction_factor,
        max_t=last_epoch,
        controls=section.controls,
    )


def _stopping(events: Iterable[Event], plan: Plan, metric: Metric) -> Iterator[str]:
    section = plan.space.asha
    rungs = stopping.Asha(
        grace_period=section.grace_period,
        reduction_factor=section.reduction_factor,
        max_t=plan.max_t,
        controls=section.controls,
    )
    values: dict[str, list[float]] = {}
    base = ""
    controls = set[str]()
    due: dict[str, asha.Decision] = {}
    for line, event in enumerate(events, start=1):
        match event:
            case Created(base=True):
                base = event.trial
            case Report() if not event.last and event.trial not in controls:
                yield from _never_judged(due.keys() & {event.trial})
                known = values.setdefault(event.trial, [])
                known.append(rung_value(event, section.metric, metric))
                value = min(known) if section.metric == "score" else known[-1]
                if decision := rungs.decide(event.epoch, value, spared=event.trial == base):
                    due[event.trial] = decision
            case Decision():
                yield from _compared(line, event, due.pop(event.trial, None))
                if event.control:
                    controls.add(event.trial)
    yield from _never_judged(due)


def _never_judged(due: Iterable[str]) -> Iterator[str]:
    yield from (f"a report of {trial} was never judged" for trial in due)


def _compared(line: int, written: Decision, again: asha.Decision | None) -> Iterator[str]:
    if again is None:
        yield f"line {line}: {written.trial} is judged at epoch {written.epoch}, which asks for no verdict"
        return
    expected = as_event(written.trial, again)
    names = ("rung", "epoch", "value", "cutoff", "better", "room", "verdict", "control")
    differences = [name for name in names if getattr(written, name) != getattr(expected, name)]
    if differences:
        yield f"line {line}: {', '.join(differences)} of {written}, but judged again it is {expected}"
