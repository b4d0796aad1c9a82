"""All that a report is made from, read once from a results folder. Writes nothing; the search may be running."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tune_asr.record.events import Event
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.intact import Damaged, former_best, removed_best, sound_standings
from tune_asr.record.ledger import iter_ledger
from tune_asr.record.ranking import Standing, leader, standings
from tune_asr.record.search_yaml import Description, read_description
from tune_asr.record.state import SearchState
from tune_asr.record.utterances import Utterances, utterances_of
from tune_asr.scoring.metric import Metric
from tune_asr.space.plan import Plan


@dataclass(frozen=True, slots=True)
class Results:
    """What a search has left behind so far."""

    folder: ResultsFolder
    search: Description | None
    """Contents of search.yaml, None without one."""
    state: SearchState
    """What the ledger says."""
    metric: Metric
    ranked: list[Standing]
    """All trials, best first."""
    utterances: dict[str, Utterances | None]
    """Of the first trials, by number."""
    running: bool
    damaged: list[Damaged]
    """Checkpoints that would have been the best, but cannot be loaded."""
    can_load: bool
    """Whether the checkpoint of the first of `ranked` is kept and intact."""

    @property
    def plan(self) -> Plan | None:
        """Space and configuration of the search, None if they are missing or unreadable."""
        return self.search.plan if self.search else None

    @property
    def can_export(self) -> bool:
        """Whether the winner can be exported. For a custom model, which has no subsampling of ours, that is unknown."""
        return self.can_load and not (self.plan and self.plan.config.subsampling is None)

    def events(self) -> Iterator[Event]:
        """The ledger, line by line: it may be large."""
        return iter_ledger(self.folder.ledger)


def gather(root: Path, rows: int) -> Results:
    """Read the results folder at `root`, and the utterances of its first `rows` trials.

    Raises:
        StorageError: it is not a results folder, or is damaged.
    """
    folder = ResultsFolder(root)
    folder.require_folder()
    # Asked before the ledger is read: a search that ends in between is then taken for running, not for dead.
    running = folder.is_running()
    state = SearchState.read(folder.ledger)
    search = read_description(folder.search_yaml) if folder.search_yaml.exists() else None
    metric: Metric = search.metric if search else "val_wer"
    ranked, damaged = _sound(folder, state, metric, running) if folder.all_checkpoints.is_dir() else ([], [])
    can_load = leader(ranked) is not None
    if not can_load:
        # Where somebody has taken all checkpoints away, what was reported is still worth a leaderboard.
        ranked = standings(state, metric)
    utterances = {
        trial.number: utterances_of(folder, trial.number, report) for trial, report in ranked[:rows] if report
    }
    return Results(folder, search, state, metric, ranked, utterances, running, damaged, can_load)


def _sound(
    folder: ResultsFolder, state: SearchState, metric: Metric, running: bool
) -> tuple[list[Standing], list[Damaged]]:
    """The standings by sound checkpoints. A running search has read the best one itself, as it copied it."""
    ranked, damaged = sound_standings(folder, state, metric, former_best(folder) if running else None)
    # A running search removes the best so far itself, once it has a better one.
    return ranked, [*([] if running else removed_best(folder, state, metric, ranked)), *damaged]
