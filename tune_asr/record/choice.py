"""Choice of a trial to export or evaluate, and of its checkpoint."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tune_asr.config.keys import facts
from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.errors import Problem, StorageError
from tune_asr.record.checkpoints import CHECKPOINT, stored
from tune_asr.record.events import Report
from tune_asr.record.figures import Figures
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.intact import Damaged, copied, intact_standings, removed_best
from tune_asr.record.ranking import leader
from tune_asr.record.rerun import rerun_config
from tune_asr.record.search_yaml import read_search_yaml
from tune_asr.record.state import SearchState, find_trial
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric

Use = Literal["export", "evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """Record of a checkpoint in its results folder."""

    config: Config
    data_fingerprint: str | None
    """None if the trial had other data than the search."""
    figures: Figures
    trial: str | None = None
    """Number; None for a checkpoint by itself."""


@dataclass(frozen=True, slots=True)
class Source:
    """Checkpoint to use."""

    checkpoint: Path
    name: str
    """Origin, for people."""
    record: TrialRecord | None = None
    """None if the checkpoint comes without a results folder."""


def choose_trial(
    root: Path, number: str | None, *, use: Use = "export", say: Callable[[str], object] = print
) -> Source:
    """Choose a trial and its best intact checkpoint.

    Args:
        root: results folder.
        number: number of the trial; None: the best.
        use: purpose, for messages.
        say: function that takes a line for each checkpoint that cannot be used.

    Raises:
        ConfigError: there is no such trial.
        StorageError: the folder is none of a search, its search runs, or it has no checkpoint to use.
    """
    folder = ResultsFolder.open_existing(root)
    if folder.is_running():
        what = "a search is running here, so its best trial may change"
        raise StorageError(Problem(str(root), what, "Wait until it ends, or stop it."))
    search = read_search_yaml(folder.search_yaml)
    trial, report, checkpoint = _best(folder, SearchState.read(folder.ledger), search["metric"], number, use, say)
    has_other_data = any(facts(key).other_data for key in trial.params)
    record = TrialRecord(
        trial=trial.number,
        config=from_values(rerun_config(search["config"], trial), str(checkpoint)),
        data_fingerprint=None if has_other_data else search["data_fingerprint"],
        figures=Figures(epoch=report.epoch, scores=report.scores, counts=report.counts),
    )
    return Source(checkpoint, f"Trial {trial.number} of the search {root.resolve().name}, epoch {report.epoch}", record)


def _best(
    folder: ResultsFolder,
    state: SearchState,
    metric: Metric,
    number: str | None,
    use: Use,
    say: Callable[[str], object],
) -> tuple[Trial, Report, Path]:
    """Return the trial, its best report and its checkpoint.

    If the checkpoint of the best trial is damaged, best.ckpt is used, which is a copy of it.
    """
    asked = None if number is None else find_trial(state, number, "--trial")
    ranked, passed_over = intact_standings(folder, state, metric, only=asked.number if asked else None)
    if asked is None:
        passed_over = [*removed_best(folder, state, metric, ranked), *passed_over]
    if copy := copied(folder, passed_over):
        used = f"{use.removesuffix('e')}ed"
        say(f"{folder.best_ckpt} is {used}: it is a copy of a checkpoint that cannot be used: {copy}")
        trial = state.trials[copy.trial]
        return trial, trial.reports[copy.epoch - 1], folder.best_ckpt
    best = leader(ranked, of_any_size=asked is not None)
    if best is None:
        raise _nothing_to(use, folder, asked, passed_over)
    for line in passed_over:
        say(f"passed over, since it cannot be used: {line}")
    trial, report = best
    return trial, report, stored(folder.checkpoints(trial.number), report.epoch) / CHECKPOINT


def _nothing_to(use: Use, folder: ResultsFolder, asked: Trial | None, damaged: list[Damaged]) -> StorageError:
    who = f"trial {asked.number} is {asked.status} and has no" if asked else "no trial has an"
    what = f"nothing to {use}: {who} epoch with an intact checkpoint"
    hint = f"See the state of the trials: python -m tune_asr.report {shlex.quote(str(folder.root))}"
    problems = [Problem("cannot be used", str(checkpoint)) for checkpoint in damaged]
    return StorageError([Problem(str(folder.root), what, hint), *problems])
