"""Search with a time budget, in simulated time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.without_files import NothingKept
from tune_asr.config.sections import Config
from tune_asr.record.event_lines import parse
from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import as_written
from tune_asr.record.search_events import Planned
from tune_asr.record.state import SearchState
from tune_asr.scoring.scores import Scores
from tune_asr.search import messages
from tune_asr.search.budget import Budget
from tune_asr.search.conductor import Conductor
from tune_asr.search.search import Search
from tune_asr.space.forecast import Pace
from tune_asr.space.plan import from_values, hashed

H = 12
"""Horizon of its trials."""


@dataclass
class Simulation:
    """Search whose epochs take a second each, of a time that this object keeps."""

    seconds: float
    slots: int = 2
    trials: int = 16
    finalists: dict | None = None
    mode: str = "waves"
    now: float = 0.0
    events: list = field(default_factory=list)
    state: SearchState = field(default_factory=SearchState)

    def __post_init__(self):
        space = {
            "param_space": {"optimizer.lr": {"loguniform": [0.001, 0.01]}},
            "search": {"algorithm": "random", "include_base": True, "finalists": self.finalists},
            "asha": {"grace_period": 3, "mode": self.mode, "metric": "score", "max_t": H},
        }
        self.plan = from_values(space, Config.model_validate({"trainer": {"max_epochs": H}}).model_dump(), "test")
        start = Planned(trials=self.trials, horizon=H, slots=self.slots, deadline_seconds=self.seconds, cause="start")
        self.conductor = self._conductor(start)

    def append(self, *events):
        written = [parse({**as_written(event), "time": "2026-01-01T00:00:00.000Z"}) for event in events]
        self.events += written
        return written

    def _conductor(self, planned):
        search = Search(ResultsFolder(Path("none")), self.plan, "val_wer", {})
        budget = Budget(clock=lambda: self.now, pace=Pace(1.0, 1.0, 1.0), planned=planned)
        conductor = Conductor(search, self, self.state, lambda _: None, NothingKept(), budget)
        conductor.open(self.slots)
        return conductor

    def kill(self):
        """Read the ledger again, as a resume does."""
        self.state = SearchState.replay(self.events)
        self.conductor = self._conductor(None)

    def more(self, seconds):
        """Give more time, as a resume does."""
        self.state = SearchState.replay(self.events)
        trials, until = self.state.planned.trials, self.now + seconds
        more = Planned(trials=trials, horizon=H, slots=self.slots, deadline_seconds=until, cause="more")
        self.conductor = self._conductor(more)

    def run(self, until=float("inf")):
        """Train until the search is over or a time has come."""
        running, free = [], list(range(self.slots))
        while True:
            while free and (work := self.conductor.next_work()):
                self.conductor.receive(work.number, messages.Ready(work.epoch, [], "host:1"))
                heapq.heappush(running, (self.now + 1.0, free.pop(), work.number, work.epoch + 1))
            if not running or running[0][0] > until:
                return self
            self.now, slot, number, epoch = heapq.heappop(running)
            if self.conductor.receive(number, self.report(number, epoch)) == "continue":
                heapq.heappush(running, (self.now + 1.0, slot, number, epoch + 1))
            else:
                self.conductor.process_ended(number, None)
                free.append(slot)

    def report(self, number, epoch):
        rate = (1.0 - 0.5 * hashed(3, number, "best")) * (1 - 0.5 * epoch / H)
        scores = Scores(rate, rate, rate, rate, 2 * rate)
        return Report(trial=number, epoch=epoch, scores=scores, seconds=1.0, last=epoch == H)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def whole(self):
        return [trial for trial in self.state.trials.values() if trial.status == "finished" and trial.epoch == H]

    @property
    def status(self):
        return {trial.status for trial in self.state.trials.values()}
