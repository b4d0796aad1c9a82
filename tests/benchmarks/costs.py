"""What the engine itself costs: a proposal, the handling of a report, a resume."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.benchmarks.doors import cpu_seconds
from tests.benchmarks.record import PARAM_SPACE
from tests.benchmarks.reports import DESCRIPTION, make_search
from tests.benchmarks.rules import rule
from tests.benchmarks.table import Row
from tests.simulation.curves import Curve, Trained
from tests.simulation.draws import Draw
from tests.simulation.made_up import made_up_table
from tests.simulation.simulated import Job, Searcher, simulate
from tests.simulation.without_files import MemoryLedger, NothingKept
from tune_asr.config.sections import Config
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.state import SearchState
from tune_asr.search.conductor import Conductor
from tune_asr.search.search import Search
from tune_asr.space import distributions
from tune_asr.space.history import History
from tune_asr.space.plan import Plan, from_values
from tune_asr.space.proposals import propose
from tune_asr.space.sections import SpaceFile

TRIALS = 10_000
SMALL = 20
"""Trials of a search whose report costs little but the start of the program."""
WINDOW = 100
"""Trials over which the handling of reports is measured, at the start and at the end."""
HORIZON = 27


def measure() -> list[Row]:
    """CPU seconds of a proposal and of a report, and what a resume costs beside reading its ledger."""
    rows = [
        Row(claim=f"CPU of a proposal at {trials} trials", value=proposal_seconds(trials), at_most=goal)
        for trials, goal in ((64, 0.3), (1_000, 2))
    ]
    first, last = report_seconds(TRIALS)
    rows += [
        Row(claim=f"handling of a report, first {WINDOW} trials", value=first * 1e3, unit="ms"),
        Row(claim=f"the same at {TRIALS:,} trials, as a ratio", value=last / first, unit="", at_most=1.5),
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "search")
        make_search(root, TRIALS)
        reading = seconds(lambda: read_lines(root / "trials.jsonl"))
        resuming = seconds(lambda: resume(ResultsFolder(root)))
        make_search(Path(folder, "small"), SMALL)
        starting, reporting = (
            cpu_seconds("-m", "tune_asr.report", str(path)) for path in (root.parent / "small", root)
        )
    return [
        *rows,
        Row(claim=f"reading {TRIALS:,} trials line by line", value=reading),
        Row(claim="resuming them, as a ratio", value=resuming / reading, unit="", at_most=3),
        Row(
            claim=f"reporting on them beyond {SMALL} trials, as a ratio",
            value=(reporting - starting) / reading,
            unit="",
            at_most=3,
        ),
        Row(claim="the whole command, as a ratio", value=reporting / reading, unit=""),
        Row(claim=f"CPU of report on {SMALL} trials", value=starting),
    ]


def proposal_seconds(trials: int) -> float:
    """CPU seconds of a proposal over a dozen of keys."""
    plan = Plan(
        space=SpaceFile.model_validate({"param_space": PARAM_SPACE}),
        distributions={key: distributions.parse(value) for key, value in PARAM_SPACE.items()},
        config=Config.model_validate({"trainer": {"max_epochs": HORIZON}}),
    )
    curves = made_up_table(trials, HORIZON).curves
    tried = [history(plan, number, curve) for number, curve in enumerate(curves)]
    propose(plan, trials, tried)  # imports numpy
    return median(seconds(lambda: propose(plan, trials, tried)) for _ in range(5))


def history(plan: Plan, number: int, curve: Curve) -> History:
    """Make the history of a trial that came to a rung or to its end."""
    epochs = random.Random(number).choice((3, 3, 6, 12, 24, HORIZON))
    scores = [min(curve.scores(e).value("score") for e in range(1, epoch + 1)) for epoch in range(1, epochs + 1)]
    return History(plan.settings(number), scores, "whole")


class Timed:
    """Search whose handling of reports is timed.

    Args:
        searcher: the search.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self.seconds: dict[int, list[float]] = {}

    def take(self) -> Job | None:
        """Take a trial."""
        return self._searcher.take()

    def report(self, job: Job, trained: Trained) -> bool:
        """Time a report."""
        began = time.perf_counter()
        stays = self._searcher.report(job, trained)
        self.seconds.setdefault(int(job.trial), []).append(time.perf_counter() - began)
        return stays

    def diverged(self, job: Job) -> None:
        """Pass an end on."""
        self._searcher.diverged(job)


def report_seconds(trials: int) -> tuple[float, float]:
    """Median seconds of a report of the first trials, and of the last."""
    table = made_up_table(trials, HORIZON)
    timed = Timed(rule(search={"algorithm": "random"})(Draw(table, range(trials), trials, seed=0)))
    simulate(timed, table, trials)

    def over(numbers: range) -> float:
        return median(value for number in numbers for value in timed.seconds[number])

    return over(range(WINDOW)), over(range(trials - WINDOW, trials))


def read_lines(path: Path) -> int:
    """Read a ledger as any program can."""
    with path.open() as lines:
        return sum(len(json.loads(line)) for line in lines)


def resume(folder: ResultsFolder) -> Conductor:
    """Build the conductor of a search from its ledger."""
    plan = from_values(DESCRIPTION["space"], DESCRIPTION["config"], "search.yaml")
    state = SearchState.read(folder.ledger)
    return Conductor(Search(folder, plan, "val_wer", {}), MemoryLedger(), state, lambda _: None, NothingKept())


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began
