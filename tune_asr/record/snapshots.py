"""Derived files: leaderboard.csv, summary.json, best.yaml and best.ckpt.

All of them can be deleted: the next snapshot makes them again from the ledger and the checkpoints. A snapshot looks
at each trial's folder once; a file is written only if it changes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tune_asr.record.checkpoints import CHECKPOINT, recorded_sha256, stored
from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.intact import Damaged, copied, former_best, intact_standings, is_copy_of, removed_best
from tune_asr.record.leaderboard import write_leaderboard
from tune_asr.record.ranking import leader
from tune_asr.record.rerun import rerun_config
from tune_asr.record.search_yaml import dump_yaml
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.space.sections import SearchSection
from tune_asr.storage.atomic import copy_atomic, write_if_changed
from tune_asr.storage.errors import writing
from tune_asr.storage.files import reason_unusable

_PATIENCE = 0.1
"""Seconds that a running search gives to intervals in each snapshot."""


def write_snapshots(
    folder: ResultsFolder,
    state: SearchState,
    *,
    status: str,
    metric: Metric,
    config: Mapping[str, Any],
    wants: SearchSection | None = None,
) -> list[str]:
    """Bring all derived files up to date.

    Args:
        folder: results folder.
        state: state of the search.
        status: `running`, `interrupted` or `finished`.
        metric: error rate that chooses the winner.
        config: base configuration of the trials, as resolved.
        wants: objectives and limits of the search.

    Returns:
        A line for each damaged checkpoint that would have been the best. The next best one is the winner then; a last
        copy of it in best.ckpt is renamed.

    Raises:
        StorageError: a file cannot be written.
    """
    former = former_best(folder)
    ranked, passed_over = intact_standings(folder, state, metric, former)
    if lost := copied(folder, [*removed_best(folder, state, metric, ranked), *passed_over]):
        set_best_aside(folder, lost)
    patience = _PATIENCE if status == "running" else math.inf
    write_leaderboard(folder, state, ranked, wants=wants or SearchSection(), patience=patience)
    best = None
    if winner := leader(ranked):
        trial, report = winner
        checkpoint = stored(folder.checkpoints(trial.number), report.epoch)
        best = _best(trial, report, checkpoint)
        winner_now = (trial.number, report.epoch)
        # A running search has made the copy itself, and reads it no second time.
        if not (winner_now == former if status == "running" else is_copy_of(folder, *winner_now)):
            copy_atomic(checkpoint / CHECKPOINT, folder.best_ckpt)
        write_if_changed(folder.best_yaml, dump_yaml(rerun_config(config, trial)))
    summary = {
        "name": folder.root.name,
        "status": status,
        "metric": metric,
        "best": best,
        "trials": state.counts(),
        "epochs": state.epochs,
        "trial_seconds": round(state.seconds, 3),
        "wall_seconds": round(state.wall_seconds, 3),
        "slots": state.slots or 1,
    }
    # Written last: as long as it names the former best, best.ckpt is copied again.
    write_if_changed(folder.summary, json.dumps(summary, indent=2, ensure_ascii=False).encode() + b"\n")
    return [str(damaged) for damaged in passed_over]


def set_best_aside(folder: ResultsFolder, lost: Damaged) -> Path:
    """Rename best.ckpt, and remove best.yaml; return the new path.

    The next snapshot writes both for the trial that is the best then, if there is one.

    Args:
        folder: results folder.
        lost: checkpoint of which best.ckpt is the last copy. Its trial and epoch name the copy, so that it replaces no
            other one.

    Raises:
        StorageError: a file cannot be renamed or removed.
    """
    aside = name_aside(folder, lost)
    with writing(folder.root):
        folder.best_ckpt.replace(aside)
        folder.best_yaml.unlink(missing_ok=True)
    return aside


def name_aside(folder: ResultsFolder, lost: Damaged) -> Path:
    """Return the path for the last copy of a checkpoint."""
    return folder.best_ckpt.with_name(f"best-{lost.trial}-{lost.checkpoint.name}.ckpt")


def remove_best(folder: ResultsFolder) -> None:
    """Remove best.yaml, and a best.ckpt without content.

    There is no best any more, and no copy of a former one.

    Raises:
        StorageError: a file cannot be removed.
    """
    with writing(folder.root):
        folder.best_yaml.unlink(missing_ok=True)
        if not folder.best_ckpt.is_dir() and reason_unusable(folder.best_ckpt):
            folder.best_ckpt.unlink(missing_ok=True)


def _best(trial: Trial, report: Report, checkpoint: Path) -> dict[str, Any]:
    scores = {name: report.scores.get(name) for name in ("val_wer", "val_cer", "val_loss")}
    found = {"trial": trial.number, "epoch": report.epoch, **scores, "checkpoint": report.checkpoint}
    sha256 = recorded_sha256(checkpoint)  # by which best.ckpt is known once the checkpoint is removed
    return {**found, **({"sha256": sha256} if sha256 else {}), "params": trial.params}
