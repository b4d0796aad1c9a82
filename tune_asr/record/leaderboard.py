"""leaderboard.csv: a row a trial, best first, with the interval of its WER and its searched values."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ranking import Standing, searched_keys
from tune_asr.record.state import SearchState, Trial
from tune_asr.record.utterances import keep_utterances, utterances_of
from tune_asr.storage.atomic import write_if_changed

COLUMNS = (
    *("rank", "trial", "status", "epochs", "val_wer", "val_wer_low", "val_wer_high"),
    *("val_cer", "val_loss", "seconds", "checkpoint"),
)
"""The columns before those of the searched keys."""


def write_leaderboard(
    folder: ResultsFolder, state: SearchState, ranked: Sequence[Standing], *, patience: float = math.inf
) -> None:
    """Write leaderboard.csv, and utterances/TRIAL.jsonl of each trial whose best epoch is a new one.

    Args:
        folder: where.
        state: the search.
        ranked: its trials as `ranking.standings` has them.
        patience: for so many seconds intervals that are not known are computed, those of the first ranks first; the
            others are left out. Of 10,000 utterances, one takes half a second, and trials wait meanwhile.

    Raises:
        StorageError: a file cannot be written.
    """
    keys = searched_keys(state)
    intervals = _known_intervals(folder)
    end = time.monotonic() + patience
    table = io.StringIO()
    writer = csv.DictWriter(table, [*COLUMNS, *keys], restval="", lineterminator="\n")
    writer.writeheader()
    for rank, (trial, report) in enumerate(ranked, start=1):
        searched = {key: _cell(value) for key, value in trial.params.items()}
        writer.writerow({"rank": rank, **_row(folder, trial, report, intervals, end), **searched})
    write_if_changed(folder.leaderboard, table.getvalue().encode())


def _row(
    folder: ResultsFolder,
    trial: Trial,
    report: Report | None,
    intervals: Mapping[tuple[str, ...], tuple[str, str]],
    end: float,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "trial": trial.number,
        "status": trial.status,
        "epochs": trial.epoch,
        "seconds": round(trial.seconds, 3),
    }
    if report is None:
        return row
    for column in ("val_wer", "val_cer", "val_loss"):
        score = report.scores.get(column)
        row[column] = "" if score is None else _cell(score)
    row["checkpoint"] = report.checkpoint or ""
    interval = intervals.get((trial.number, row["checkpoint"], row["val_wer"]))
    if interval is None or not folder.utterances(trial.number).exists():
        interval = _interval(folder, trial, report) if time.monotonic() < end else ("", "")
    row["val_wer_low"], row["val_wer_high"] = interval
    return row


def _interval(folder: ResultsFolder, trial: Trial, report: Report) -> tuple[str, str]:
    """The interval of a best epoch that is new, whose utterances are put into utterances/ too."""
    keep_utterances(folder, trial.number, report.epoch)
    utterances = utterances_of(folder, trial.number, report)
    if utterances is None:
        return "", ""
    low, high = utterances.interval()
    return _cell(low), _cell(high)


def _known_intervals(folder: ResultsFolder) -> dict[tuple[str, ...], tuple[str, str]]:
    """The intervals in the leaderboard that is there, so that none is computed twice, not even after a restart.

    By trial, checkpoint and val_wer, as the file spells them.
    """
    try:
        table = csv.DictReader(io.StringIO(folder.leaderboard.read_bytes().decode(), newline=""))
        if tuple(table.fieldnames or ())[: len(COLUMNS)] != COLUMNS:
            return {}
        return {
            (row["trial"], row["checkpoint"], row["val_wer"]): (row["val_wer_low"], row["val_wer_high"])
            for row in table
            if row["val_wer_low"]
        }
    except (OSError, ValueError, csv.Error):  # damaged: what it said is computed again
        return {}


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
