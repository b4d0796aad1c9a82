"""Standings of a search, led by an intact checkpoint.

Snapshots, report and export share them, so all three name the same winner.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_asr.record.checkpoints import has_sha256, kept_epochs, recorded_sha256, stored, verify
from tune_asr.record.finalists import ranked as rank
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ranking import Standing, leader, order
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.storage.files import names_in, regular


@dataclass(frozen=True, slots=True)
class Damaged:
    """Checkpoint of a leading epoch, damaged or removed."""

    trial: str
    epoch: int
    checkpoint: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.checkpoint}: {self.reason}"


def intact_standings(
    folder: ResultsFolder,
    state: SearchState,
    metric: Metric,
    verified: tuple[str, int] | None = None,
    *,
    only: str | None = None,
) -> tuple[list[Standing], list[Damaged]]:
    """Rank trials by kept checkpoints; verify the first alone.

    Args:
        folder: results folder.
        state: state of the search.
        metric: error rate that ranks.
        verified: trial and epoch of a checkpoint that was verified before; it is not read again, since it may be large.
        only: number of the one trial whose checkpoints count; None for all.

    Returns:
        The standings, and the damaged checkpoints that would have led, best first.
    """
    kept = {number: kept_epochs(folder.checkpoints(number)) for number in (state.trials if only is None else (only,))}
    passed_over: list[Damaged] = []
    while True:
        ranked = rank(state, metric, kept)
        winner = leader(ranked, of_any_size=only is not None)
        if winner is None or (winner[0].number, winner[1].epoch) == verified:
            return ranked, passed_over
        trial, report = winner
        checkpoint = stored(folder.checkpoints(trial.number), report.epoch)
        reason = verify(checkpoint)
        if reason is None:
            return ranked, passed_over
        passed_over.append(Damaged(trial.number, report.epoch, checkpoint, reason))
        kept[trial.number].discard(report.epoch)


def former_best(folder: ResultsFolder) -> tuple[str, int] | None:
    """Return trial and epoch of the present best.ckpt.

    It was verified when it was copied.
    """
    return best_on_record(folder) if folder.best_ckpt.is_file() else None


def copied(folder: ResultsFolder, damaged: Iterable[Damaged]) -> Damaged | None:
    """Return the damaged checkpoint with a copy in best.ckpt.

    The hash of best.ckpt is compared with the one on record. A folder of an earlier release has none: then best.ckpt
    must be a whole archive, and none of the checkpoints that are there.
    """
    best = former_best(folder)
    found = next((found for found in damaged if (found.trial, found.epoch) == best), None)
    if found is None:
        return None
    sha256 = recorded_sha256(found.checkpoint) or _sha256_on_record(folder)
    is_copy = has_sha256(folder.best_ckpt, sha256) if sha256 else _may_be_copy(folder)
    return found if is_copy else None


def is_copy_of(folder: ResultsFolder, trial: str, epoch: int) -> bool:
    """Return whether best.ckpt is the checkpoint of an epoch."""
    sha256 = recorded_sha256(stored(folder.checkpoints(trial), epoch))
    return sha256 is not None and has_sha256(folder.best_ckpt, sha256)


def summary_on_record(folder: ResultsFolder) -> dict[str, Any]:
    """Return summary.json, empty if it is missing or damaged."""
    try:
        summary = json.loads(regular(folder.summary).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return summary if isinstance(summary, dict) else {}


def best_on_record(folder: ResultsFolder) -> tuple[str, int] | None:
    """Return trial and epoch of the best in summary.json.

    None if the file is missing or damaged, or names none.
    """
    best: Any = summary_on_record(folder).get("best")
    try:
        return str(best["trial"]), int(best["epoch"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _sha256_on_record(folder: ResultsFolder) -> str | None:
    """Return the hash of best.ckpt on record, if any."""
    try:
        return str(summary_on_record(folder)["best"]["sha256"])
    except (TypeError, KeyError):
        return None


def _may_be_copy(folder: ResultsFolder) -> bool:
    """Return whether best.ckpt is whole, and no other checkpoint."""
    try:
        with zipfile.ZipFile(regular(folder.best_ckpt)) as archive:
            if archive.testzip():
                return False
        trials = [folder.all_checkpoints / name for name in names_in(folder.all_checkpoints)]
    except FileNotFoundError:
        trials = []
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return False
    there = [stored(trial, epoch) for trial in trials if trial.is_dir() for epoch in kept_epochs(trial)]
    return not any(has_sha256(folder.best_ckpt, sha256) for sha256 in map(recorded_sha256, there) if sha256)


def removed_best(folder: ResultsFolder, state: SearchState, metric: Metric, ranked: list[Standing]) -> list[Damaged]:
    """Return the best on record if its checkpoint was removed.

    The list is empty if a trial in `ranked` is as good.
    """
    number, epoch = best_on_record(folder) or ("", 0)
    trial, checkpoint, first = state.trials.get(number), stored(folder.checkpoints(number), epoch), leader(ranked)
    report = next((report for report in trial.reports if report.epoch == epoch), None) if trial else None
    if report is None or checkpoint.exists():
        return []
    if first and order(first[1], metric) <= order(report, metric):
        return []
    return [Damaged(number, epoch, checkpoint, "removed")]
