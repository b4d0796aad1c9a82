"""Contents of a results folder, read once for a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tune_asr.record.events import Event
from tune_asr.record.finalists import ranked as rank
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.intact import Damaged, former_best, intact_standings, removed_best
from tune_asr.record.ledger import iter_ledger
from tune_asr.record.ranking import Standing, is_gone, leader
from tune_asr.record.search_yaml import Description, read_description
from tune_asr.record.state import SearchState
from tune_asr.record.utterances import Utterances, utterances_of
from tune_asr.report.decisions import Rejudged
from tune_asr.scoring.metric import Metric
from tune_asr.space.plan import Plan


@dataclass(frozen=True, slots=True)
class Results:
    """Results of a search so far."""

    folder: ResultsFolder
    search: Description | None
    """Contents of search.yaml, None without one."""
    state: SearchState
    """Trials, as the ledger has them."""
    metric: Metric
    ranked: list[Standing]
    """All trials, best first."""
    utterances: dict[str, Utterances | None]
    """Utterances of the first trials, by number."""
    is_running: bool
    damaged: list[Damaged]
    """Best checkpoints that cannot be loaded."""
    can_load: bool
    """Whether the checkpoint of the first of `ranked` is kept and intact."""
    rejudged: Rejudged | None
    """Decisions of a search in waves, judged again; None for other searches."""

    @property
    def plan(self) -> Plan | None:
        """Space and configuration, None if missing or unreadable."""
        return self.search.plan if self.search else None

    @property
    def drawn(self) -> list[Standing]:
        """Trials drawn from the space, best first.

        Without finalists, and without those that repeat a setting for longer.
        """
        return [standing for standing in self.ranked if standing.trial.is_drawn]

    @property
    def loadable(self) -> list[Standing]:
        """Trials, best first, without those whose checkpoints are gone."""
        return [standing for standing in self.ranked if not is_gone(standing.report)]

    @property
    def can_export(self) -> bool:
        """Test if the winner can be exported.

        A custom model has no subsampling here, and its export is not known to work.
        """
        best = leader(self.ranked)
        return self.can_load and not (self.plan and best and self.plan.has_custom_model(best[0].params))

    def events(self) -> Iterator[Event]:
        """Read the ledger line by line: it may be large."""
        return iter_ledger(self.folder.ledger)


def gather(root: Path, rows: int) -> Results:
    """Read the results folder, with utterances of `rows` trials.

    Raises:
        StorageError: `root` is not a results folder, or is damaged.
    """
    folder = ResultsFolder(root)
    folder.require_folder()
    folder.require_events()
    # Ask before reading the ledger: a search that ends in between then counts as running, not as dead.
    running = folder.is_running()
    if not running and folder.ledger.is_file() and not folder.ledger.stat().st_size:
        folder.require_search()  # a search that was killed while it started is none
    search = read_description(folder.search_yaml) if folder.search_yaml.exists() else None
    metric: Metric = search.metric if search else "val_wer"
    plan = search.plan if search else None
    rejudged = Rejudged(plan, metric) if plan and plan.space.asha.mode == "waves" else None
    events = iter_ledger(folder.ledger)
    state = SearchState.replay(rejudged.watch(events) if rejudged else events, str(folder.ledger))
    # Without any checkpoint, the reports still make a leaderboard. A finished search has lost them, a copy of the
    # ledger may never have had any.
    has_lost = search is not None and state.status == "finished" and not running
    can_look = folder.all_checkpoints.is_dir() or (has_lost and not folder.all_checkpoints.exists())
    ranked, damaged = _rank(folder, state, metric, running) if can_look else ([], [])
    can_load = leader(ranked) is not None
    if not can_load and not (has_lost and ranked):
        ranked = rank(state, metric, {} if has_lost else None)
    utterances = {
        trial.number: utterances_of(folder, trial.number, report) for trial, report in ranked[:rows] if report
    }
    return Results(folder, search, state, metric, ranked, utterances, running, damaged, can_load, rejudged)


def _rank(
    folder: ResultsFolder, state: SearchState, metric: Metric, running: bool
) -> tuple[list[Standing], list[Damaged]]:
    """Rank the trials by intact checkpoints, and list damaged ones.

    A running search has read its best checkpoint when it copied it.
    """
    ranked, damaged = intact_standings(folder, state, metric, former_best(folder) if running else None)
    # A running search removes its former best itself.
    return ranked, [*([] if running else removed_best(folder, state, metric, ranked)), *damaged]
