"""Standings of a search, led by an intact checkpoint.

Snapshots, report and export share them, so all three name the same winner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tune_asr.record.checkpoints import kept_epochs, stored, verify
from tune_asr.record.finalists import ranked as rank
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ranking import Standing, leader, order
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.storage.files import regular


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

    The contents of best.ckpt are not verified.
    """
    best = former_best(folder)
    return next((found for found in damaged if (found.trial, found.epoch) == best), None)


def best_on_record(folder: ResultsFolder) -> tuple[str, int] | None:
    """Return trial and epoch of the best in summary.json.

    None if the file is missing or damaged, or names none.
    """
    try:
        best = json.loads(regular(folder.summary).read_bytes())["best"]
        return str(best["trial"]), int(best["epoch"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


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
