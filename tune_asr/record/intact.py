"""The standings of a search over the checkpoints that are there, the first of which is whole.

Snapshots, the report and the export go by them, so all three name the same winner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tune_asr.record.checkpoints import kept_epochs, stored, verify
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ranking import Standing, leader, order, standings
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric


@dataclass(frozen=True, slots=True)
class Damaged:
    """The checkpoint of an epoch that would be the best, if it could be loaded."""

    trial: str
    epoch: int
    checkpoint: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.checkpoint}: {self.reason}"


def sound_standings(
    folder: ResultsFolder,
    state: SearchState,
    metric: Metric,
    verified: tuple[str, int] | None = None,
    *,
    only: str | None = None,
) -> tuple[list[Standing], list[Damaged]]:
    """The standings over kept checkpoints. Only the first is read, for a checkpoint may be large.

    Args:
        folder: of the search.
        state: the search.
        metric: what is to be low.
        verified: trial and epoch of a checkpoint that was whole when it became the best, and is not read again.
        only: the one trial whose checkpoints count; None for all.

    Returns:
        The standings; and the checkpoints that would have led but are damaged, the best first.
    """
    kept = {number: kept_epochs(folder.checkpoints(number)) for number in (state.trials if only is None else (only,))}
    passed_over: list[Damaged] = []
    while True:
        ranked = standings(state, metric, kept)
        winner = leader(ranked)
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
    """Trial and epoch of the best.ckpt that is there, which was verified when it was copied."""
    return best_on_record(folder) if folder.best_ckpt.exists() else None


def copied(folder: ResultsFolder, damaged: Iterable[Damaged]) -> Damaged | None:
    """That of the damaged checkpoints of which best.ckpt is a copy, None for none: what it holds is not looked at."""
    best = former_best(folder)
    return next((found for found in damaged if (found.trial, found.epoch) == best), None)


def best_on_record(folder: ResultsFolder) -> tuple[str, int] | None:
    """Trial and epoch of the best that summary.json names; None where it names none, or is not there or damaged."""
    try:
        best = json.loads(folder.summary.read_bytes())["best"]
        return str(best["trial"]), int(best["epoch"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def removed_best(folder: ResultsFolder, state: SearchState, metric: Metric, ranked: list[Standing]) -> list[Damaged]:
    """The best on record, where its checkpoint was removed though nothing in `ranked` is better; else nothing."""
    number, epoch = best_on_record(folder) or ("", 0)
    trial, checkpoint, first = state.trials.get(number), stored(folder.checkpoints(number), epoch), leader(ranked)
    report = next((report for report in trial.reports if report.epoch == epoch), None) if trial else None
    if report is None or checkpoint.exists():
        return []
    if first and order(first[1], metric) <= order(report, metric):
        return []
    return [Damaged(number, epoch, checkpoint, "removed")]
