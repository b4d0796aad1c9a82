"""Verdicts of a ledger, judged again: each `decision` must follow from the events before it.

    for mistake in wrong_verdicts(iter_ledger(folder.ledger), plan, metric): ...

The rules of `space/` are asked anew, in the order of the ledger, whoever wrote it: a replay, a search with several
slots, one that was killed and resumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from tune_asr.record.events import Created, Decision, Event, Report, Resumed
from tune_asr.record.ranking import rung_value
from tune_asr.record.search_events import Closing, Planned, WaveOpened
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


class _Waves:
    """Rules of `asha.mode: waves`, one for each stage of a search."""

    def __init__(self, plan: Plan, metric: Metric) -> None:
        self.plan, self.metric = plan, metric
        self.stages, self.rules = Stages(), [_made(plan, plan.last_epoch)]
        self.rule_of: dict[str, asha.Waves] = {}
        self.due: set[str] = set()
        self.closing = False

    def take(self, line: int, event: Event) -> Iterator[str]:
        """Take an event; yield what is wrong with it."""
        match event:
            case Planned():
                self.closing = False
                self.stages.take(event)
                self.rules += [_made(self.plan, each.horizon or 0) for each in self.stages.every[len(self.rules) :]]
            case WaveOpened():
                self.rules[self.stages.index].opened = event.trials
            case Closing():
                self.closing = True
            case Created(finalist_of=None):
                rule = self.rule_of[event.trial] = self.rules[self.stages.index]
                if event.base:
                    rule.spare(event.trial)
            case Resumed(trial=trial) if self.closing and trial in self.rule_of:
                self.rule_of[trial].judge_no_more(trial, control=False)
            case Report(trial=trial) if trial in self.rule_of:
                yield from _never_judged(self.due & {trial})
                rule, value = self.rule_of[trial], rung_value(event, self.plan.space.asha.metric, self.metric)
                rule.enter(trial, event.epoch, value)
                if not event.last and rule.judge(trial, event.epoch, value):
                    self.due.add(trial)
            case Decision(limit=None):
                yield from self._compare(line, event)

    def _compare(self, line: int, event: Decision) -> Iterator[str]:
        rule = self.rule_of[event.trial]
        self.due.discard(event.trial)
        again = rule.judge(event.trial, event.epoch, math.inf)
        if event.verdict == "continue":
            rule.judge_no_more(event.trial, control=bool(event.control))
        # Near a deadline a trial is trained to its end, whatever the rule says.
        if not (self.closing and event.verdict == "continue"):
            yield from _compared(line, event, again)


def _waves(events: Iterable[Event], plan: Plan, metric: Metric) -> Iterator[str]:
    rules = _Waves(plan, metric)
    for line, event in enumerate(events, start=1):
        yield from rules.take(line, event)
    yield from _never_judged(rules.due)


def _made(plan: Plan, last_epoch: int) -> asha.Waves:
    return asha.Waves.of(plan.space.asha, last_epoch)


def _stopping(events: Iterable[Event], plan: Plan, metric: Metric) -> Iterator[str]:
    section = plan.space.asha
    stages, rules, rule_of = Stages(), [_made_stopping(plan, plan.max_t)], dict[str, stopping.Asha]()
    values: dict[str, list[float]] = {}
    bases, spared = set[str](), set[str]()
    due: dict[str, asha.Decision] = {}
    for line, event in enumerate(events, start=1):
        match event:
            case Planned():
                stages.take(event)
                rules += [_made_stopping(plan, each.horizon or 0) for each in stages.every[len(rules) :]]
            case Created(finalist_of=str()):
                spared.add(event.trial)
            case Created():
                rule_of[event.trial] = rules[stages.index]
                bases |= {event.trial} if event.base else set()
            case Report() if not event.last and event.trial not in spared:
                yield from _never_judged(due.keys() & {event.trial})
                known = values.setdefault(event.trial, [])
                known.append(rung_value(event, section.metric, metric))
                value = min(known) if section.metric == "score" else known[-1]
                if decision := rule_of[event.trial].decide(event.epoch, value, spared=event.trial in bases):
                    due[event.trial] = decision
            case Decision(limit=None):
                yield from _compared(line, event, due.pop(event.trial, None))
                if event.control:
                    spared.add(event.trial)
    yield from _never_judged(due)


def _made_stopping(plan: Plan, last_epoch: int) -> stopping.Asha:
    section = plan.space.asha
    return stopping.Asha(
        grace_period=section.grace_period,
        reduction_factor=section.reduction_factor,
        max_t=last_epoch,
        controls=section.controls,
    )


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
