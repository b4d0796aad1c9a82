"""Error counts of each validation utterance, stored beside a checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tune_asr.record.checkpoints import UTTERANCES, stored
from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.scoring.intervals import paired_difference, wer_interval
from tune_asr.storage.atomic import copy_atomic
from tune_asr.storage.errors import storage_error


@dataclass(frozen=True, slots=True)
class Utterances:
    """Counts of s utterances, sorted by id.

    They are scored in another order if the batch size changes.
    """

    ids: tuple[str, ...]
    errors: NDArray[np.int64]
    """(s,) substitutions + deletions + insertions."""
    words: NDArray[np.int64]
    """(s,) words of the reference."""

    def interval(self) -> tuple[float, float]:
        """Return both ends of the 95 % interval of WER."""
        return wer_interval(self.errors, self.words)


def read_utterances(path: Path) -> Utterances | None:
    """Read counts from a file of JSON lines.

    None if the file is missing, empty or damaged.
    """
    try:
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
        rows.sort(key=lambda row: str(row["id"]))
        errors = [row["substitutions"] + row["deletions"] + row["insertions"] for row in rows]
        ids, words = tuple(str(row["id"]) for row in rows), [row["words"] for row in rows]
        found = Utterances(ids, np.array(errors, np.int64), np.array(words, np.int64))
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return found if rows else None


def keep_utterances(folder: ResultsFolder, trial: str, epoch: int) -> None:
    """Copy a checkpoint's utterances to utterances/, which outlives it.

    Raises:
        StorageError: they cannot be written.
    """
    source = stored(folder.checkpoints(trial), epoch) / UTTERANCES
    target = folder.utterances(trial)
    if not source.exists():
        return
    try:
        target.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise storage_error(error, target.parent, "cannot make the folder") from error
    copy_atomic(source, target)


def utterances_of(folder: ResultsFolder, trial: str, report: Report) -> Utterances | None:
    """Return the utterances of a report, None if lost.

    They come from the checkpoint, or from utterances/ if that was removed. A file with other sums than the report is of
    another epoch.
    """
    found = source_of(folder, trial, report)
    return found[1] if found else None


def half_width(folder: ResultsFolder, first: Report, second: Report) -> float | None:
    """Return half of the paired interval of two reports.

    None if their utterances are lost, or are not the same.
    """
    one, other = (utterances_of(folder, report.trial, report) for report in (first, second))
    if one is None or other is None or one.ids != other.ids:
        return None
    low, high, _ = paired_difference(one.errors, other.errors, one.words)
    return (high - low) / 2


def source_of(folder: ResultsFolder, trial: str, report: Report) -> tuple[Path, Utterances] | None:
    """Return the file used by `utterances_of`, and its contents."""
    beside_checkpoint = stored(folder.checkpoints(trial), report.epoch) / UTTERANCES
    for path in (beside_checkpoint, folder.utterances(trial)):
        found = read_utterances(path)
        if found and (found.errors.sum(), found.words.sum()) == (report.counts.errors, report.counts.words or 0):
            return path, found
    return None
