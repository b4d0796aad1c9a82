"""Decisions of a search in waves, judged again from its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tune_asr.record.events import Created, Decision, Event, Report
from tune_asr.record.ranking import rung_value
from tune_asr.record.search_events import Planned, WaveOpened
from tune_asr.scoring.metric import Metric
from tune_asr.space import asha
from tune_asr.space.plan import Plan


@dataclass(slots=True)
class Rejudged:
    """Verdicts of the ledger, judged again from earlier events.

    Trainings with a longer horizon are not judged again, nor what follows them: their waves have their own trials.
    """

    plan: Plan
    metric: Metric
    decisions: int = 0
    """Decisions of the ledger."""
    different: list[Decision] = field(default_factory=list)
    """Decisions that do not follow from the events before them."""
    is_known: bool = True
    """False from another horizon on."""
    _horizon: int | None = field(default=None, repr=False)
    _waves: asha.Waves = field(init=False, repr=False)
    _values: dict[str, float] = field(default_factory=dict, repr=False)
    _finalists: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self._begin(self.plan.last_epoch)

    def watch(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events, and judge each decision among them."""
        for event in events:
            if self.is_known:
                self._apply(event)
            yield event

    def _begin(self, horizon: int) -> None:
        """Begin the verdicts of a search with this last epoch."""
        self._waves = asha.Waves.of(self.plan.space.asha, horizon)

    def _apply(self, event: Event) -> None:
        match event:
            case Planned(horizon=horizon):
                if self._horizon is None:  # that of a budget is shorter
                    self._begin(horizon)
                self._horizon = self._horizon or horizon
                self.is_known = horizon == self._horizon  # from then on
            case WaveOpened():
                self._waves.opened = event.trials
            case Created(base=True):
                self._waves.spare(event.trial)
            case Created(finalist_of=str()):
                self._finalists.add(event.trial)
            case Report(trial=trial) if trial not in self._finalists:
                self._values[trial] = rung_value(event, self.plan.space.asha.metric, self.metric)
                self._waves.enter(trial, event.epoch, self._values[trial])
            case Decision(limit=None):
                self._judge(event)

    def _judge(self, decision: Decision) -> None:
        self.decisions += 1
        value = self._values.get(decision.trial)
        found = None if value is None else self._waves.judge(decision.trial, decision.epoch, value)
        if decision.verdict == "continue":
            self._waves.judge_no_more(decision.trial, control=bool(decision.control))
            if not decision.control:  # a trial that is trained on to the end before the time is up
                return
        same = found and (found.verdict, found.better, found.room) == (decision.verdict, decision.better, decision.room)
        if not same:
            self.different.append(decision)


def decision_lines(rejudged: Rejudged | None) -> Iterator[str]:
    """Yield a sentence on decisions judged again."""
    if rejudged is None or not rejudged.decisions:
        return
    if not rejudged.different:
        until = "" if rejudged.is_known else " before the longer trainings"
        one = rejudged.decisions == 1
        which = f"the only decision{until} is" if one else f"all {rejudged.decisions} decisions{until} are"
        yield f"Judged again from the ledger, {which} the same."
        return
    first, number = rejudged.different[0], f"{len(rejudged.different)} of {rejudged.decisions}"
    yield (
        f"Warning: judged again from the ledger, {number} decisions are not the same, the first of them that on trial "
        f"{first.trial} at epoch {first.epoch}. The ledger has been changed, or another version wrote it."
    )
