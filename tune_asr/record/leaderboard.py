"""leaderboard.csv: one row per trial, best first."""

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
from tune_asr.record.front import pareto_front, wanted_cells, wanted_columns
from tune_asr.record.ranking import Standing, searched_keys
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.record.utterances import keep_utterances, utterances_of
from tune_asr.space.sections import SearchSection
from tune_asr.storage.atomic import write_if_changed
from tune_asr.storage.files import regular

COLUMNS = (
    *("rank", "trial", "status", "epochs", "val_wer", "val_wer_low", "val_wer_high"),
    *("val_cer", "val_loss", "seconds", "checkpoint"),
)
"""The columns before those of the searched keys."""
_NOTHING = SearchSection()


def write_leaderboard(
    folder: ResultsFolder,
    state: SearchState,
    ranked: Sequence[Standing],
    *,
    wants: SearchSection = _NOTHING,
    patience: float = math.inf,
) -> None:
    """Write leaderboard.csv, and utterances/TRIAL.jsonl for new best epochs.

    Args:
        folder: results folder.
        state: state of the search.
        ranked: trials in order, from `ranking.standings`.
        wants: objectives and limits of the search; without them size and speed have no column.
        patience: seconds for the computation of new intervals, first ranks first; intervals beyond it stay empty. One
            takes half a second for 10,000 utterances, and trials wait meanwhile.

    Raises:
        StorageError: a file cannot be written.
    """
    keys, wanted = searched_keys(state), wanted_columns(wants)
    on_front = pareto_front(ranked, wants.objectives)
    intervals = _known_intervals(folder)
    end = time.monotonic() + patience
    table = io.StringIO()
    writer = csv.DictWriter(table, [*COLUMNS, *keys, *wanted], restval="", lineterminator="\n")
    writer.writeheader()
    for rank, (trial, report) in enumerate(ranked, start=1):
        searched = {key: _cell(value) for key, value in trial.params.items()}
        row = {"rank": rank, **_row(folder, trial, report, intervals, end), **searched}
        last = {name: value for name, value in wanted_cells(trial, on_front).items() if name in wanted}
        writer.writerow({**row, **{name: "" if value is None else _cell(value) for name, value in last.items()}})
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
    """Compute the interval of a new best epoch.

    Its utterances are kept in utterances/ too.
    """
    keep_utterances(folder, trial.number, report.epoch)
    utterances = utterances_of(folder, trial.number, report)
    if utterances is None:
        return "", ""
    low, high = utterances.interval()
    return _cell(low), _cell(high)


def _known_intervals(folder: ResultsFolder) -> dict[tuple[str, ...], tuple[str, str]]:
    """Read the intervals of the present leaderboard.

    None is computed twice, even after a restart. The keys are trial, checkpoint and val_wer, as the file spells them.
    """
    try:
        table = csv.DictReader(io.StringIO(regular(folder.leaderboard).read_bytes().decode(), newline=""))
        if tuple(table.fieldnames or ())[: len(COLUMNS)] != COLUMNS:
            return {}
        return {
            (row["trial"], row["checkpoint"], row["val_wer"]): (row["val_wer_low"], row["val_wer_high"])
            for row in table
            if row["val_wer_low"]
        }
    except (OSError, ValueError, csv.Error):  # damaged: its intervals are computed again
        return {}


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
