"""The engine on recorded curves: its conductor, verdicts and proposals, without workers and without files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from tests.simulation.curves import Table, Trained
from tests.simulation.draws import Draw
from tests.simulation.simulated import Job
from tests.simulation.without_files import MemoryLedger, NothingKept
from tune_asr.config.sections import Config
from tune_asr.record.events import Event, Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import Ledger
from tune_asr.record.search_events import SearchStarted
from tune_asr.record.state import SearchState
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
