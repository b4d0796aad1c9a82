"""The engine on recorded curves: its conductor, verdicts and proposals, without workers and without files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from tests.benchmarks.quality import Draw
from tests.benchmarks.simulated import Job
from tests.benchmarks.tables import Table, Trained
from tune_asr.config.sections import Config
from tune_asr.record.event_lines import parse
from tune_asr.record.events import Event, Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import Ledger, as_written
from tune_asr.record.search_events import SearchStarted
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.search import messages
from tune_asr.search.conductor import Conductor
from tune_asr.search.keeping import FolderKeeping
from tune_asr.search.search import Search
from tune_asr.space import distributions
from tune_asr.space.plan import Plan
from tune_asr.space.sections import SpaceFile

Sections = Mapping[str, Mapping[str, JsonValue]]
"""Keys of `search` and `asha` in a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPlan(Plan):
    """Plan whose draws are the rows of a table."""

    table: Table
    order: Sequence[int]

    def settings(self, number: int) -> dict[str, JsonValue]:
        """Return the row that is drawn at random for a trial."""
        return dict(self.table.curves[self.order[number]].params)

    def draw(self, cell: int, quantile: Callable[[str], float]) -> dict[str, JsonValue]:
        """Return any row, each equally likely."""
        return dict(self.table.curves[int(quantile("row") * len(self.table))].params)


def free_plan(draw: Draw, sections: Sections) -> Plan:
    """Return the plan of a search over the whole space of a table.

    Args:
        draw: table, number of trials and seed.
        sections: keys of `search` and `asha`, in place of the defaults.
    """
    table = draw.table
    search = {"include_base": False, **sections.get("search", {}), "num_samples": draw.trials, "seed": draw.seed}
    asha = {"mode": "waves", "metric": "score", "grace_period": draw.grace, **sections.get("asha", {})}
    return Plan(
        space=SpaceFile.model_validate({"param_space": table.space, "search": search, "asha": asha}),
        distributions={key: distributions.parse(value) for key, value in table.space.items()},
        config=Config.model_validate({"trainer": {"max_epochs": table.horizon}}),
    )


def row_plan(draw: Draw, sections: Sections) -> Plan:
    """Return the plan of a search among the rows of a table, drawn in the order given."""
    free = free_plan(draw, sections)
    return RowPlan(
        space=free.space, distributions=free.distributions, config=free.config, table=draw.table, order=draw.order
    )


@dataclass(slots=True)
class MemoryLedger:
    """Ledger that is never on a disk."""

    events: list[Event] = field(default_factory=list)

    def append(self, *events: Event) -> list[Event]:
        """Return the events as they would be read back."""
        written = [parse(as_written(event)) for event in events]
        self.events += written
        return written


@dataclass(slots=True)
class NothingKept:
    """Keeper of checkpoints where none are written."""

    width: float | None = None
    """Half of every paired interval; without one a search never stops early."""

    def settle(self, trial: Trial, newest: int | None = None) -> None:
        """Do nothing."""

    def rest(self, trial: Trial) -> None:
        """Do nothing."""

    def catch_up(self) -> None:
        """Do nothing."""

    def half_width(self, first: Report, second: Report) -> float | None:
        """Return the width that was given: there are no utterances."""
        return self.width


class Engine:
    """Search by the engine's conductor.

    Args:
        draw: table, order of its rows, number of trials, seed and slots.
        sections: keys of `search` and `asha`.
        folder: results folder; without one nothing is on a disk.
        events: ledger in memory from which the search resumes.
        width: half of every paired interval; None if it is not known.
    """

    make_plan = staticmethod(row_plan)

    def __init__(
        self,
        draw: Draw,
        sections: Sections,
        folder: ResultsFolder | None = None,
        events: Sequence[Event] = (),
        width: float | None = None,
    ) -> None:
        self.plan = self.make_plan(draw, sections)
        self.ledger = Ledger.open(folder.ledger) if folder else MemoryLedger(list(events))
        self.state = SearchState.replay(events)
        for event in self.ledger.append(SearchStarted(slots=draw.slots)):
            self.state.apply(event)
        search = Search(folder or ResultsFolder(Path("replay")), self.plan, draw.table.metric, {})
        keeping = FolderKeeping(folder, draw.table.metric) if folder else NothingKept(width)
        self.conductor = Conductor(search, self.ledger, self.state, lambda _: None, keeping)
        self.conductor.open(draw.slots)

    def take(self) -> Job | None:
        """Take a trial from the conductor."""
        work = self.conductor.next_work()
        if work is None:
            return None
        self.conductor.receive(work.number, messages.Ready(work.epoch, [], "replay:1"))
        return Job(work.number, self.state.trials[work.number].params, work.epoch)

    def report(self, job: Job, trained: Trained) -> bool:
        """Report an epoch as a worker does."""
        report = Report(
            trial=job.trial, epoch=job.epoch, scores=trained.scores, seconds=trained.seconds, last=trained.last
        )
        if self.conductor.receive(job.trial, report) == "continue":
            return True
        self.conductor.process_ended(job.trial, None)
        return False

    def diverged(self, job: Job) -> None:
        """Report that the loss is not finite."""
        self.conductor.receive(job.trial, messages.NotFinite("the loss is nan"))
        self.conductor.process_ended(job.trial, None)


def rule(**sections: Mapping[str, JsonValue]) -> Callable[[Draw], Engine]:
    """Return the engine with these keys of `search` and `asha`."""
    return lambda draw: Engine(draw, sections)


CONTRACT = rule(search={"algorithm": "random"}, asha={"mode": "stop", "metric": "objective"})
"""Release 0.1.0: random draws, stopping ASHA on the objective, grace period 3, reduction factor 2."""
CONTRACT_SCORE = rule(search={"algorithm": "random"}, asha={"mode": "stop", "metric": "score"})
FUNNEL = rule(search={"algorithm": "random"})
"""Random draws, ASHA in waves."""
AUTO = rule(search={"algorithm": "auto"})
"""Defaults: proposals, ASHA in waves."""
AUTO_STOP = rule(search={"algorithm": "auto"}, asha={"mode": "stop", "metric": "objective"})
