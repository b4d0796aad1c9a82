"""The standings of a search over the checkpoints that are there, the first of which is whole.

Snapshots, the report and the export go by them, so all three name the same winner.
"""

from __future__ import annotations

import json

from tune_asr.record.checkpoints import kept_epochs, stored, verify
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ranking import Metric, Standing, leader, standings
from tune_asr.record.state import SearchState


def sound_standings(
    folder: ResultsFolder,
    state: SearchState,
    metric: Metric,
    verified: tuple[str, int] | None = None,
    *,
    only: str | None = None,
) -> tuple[list[Standing], list[str]]:
    """The standings over kept checkpoints. Only the first is read, for a checkpoint may be large.

    Args:
        folder: of the search.
        state: the search.
        metric: what is to be low.
        verified: trial and epoch of a checkpoint that was whole when it became the best, and is not read again.
        only: the one trial whose checkpoints count; None for all.

    Returns:
        The standings; and a line for each checkpoint that would have led but is damaged.
    """
    kept = {number: kept_epochs(folder.checkpoints(number)) for number in (state.trials if only is None else (only,))}
    passed_over: list[str] = []
    while True:
        ranked = standings(state, metric, kept)
        winner = leader(ranked)
        if winner is None or (winner[0].number, winner[1]["epoch"]) == verified:
            return ranked, passed_over
        trial, report = winner
        checkpoint = stored(folder.checkpoints(trial.number), report["epoch"])
        reason = verify(checkpoint)
        if reason is None:
            return ranked, passed_over
        passed_over.append(f"{checkpoint}: {reason}")
        kept[trial.number].discard(report["epoch"])


def former_best(folder: ResultsFolder) -> tuple[str, int] | None:
    """Trial and epoch of the best.ckpt that is there, which was verified when it was copied."""
    try:
        best = json.loads(folder.summary.read_bytes())["best"]
        former = (best["trial"], best["epoch"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return former if folder.best_ckpt.exists() else None
