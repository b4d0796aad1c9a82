"""The error counts of each validation utterance, from the file that stands beside a checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tune_asr.record.checkpoints import UTTERANCES, stored
from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.scoring.intervals import wer_interval
from tune_asr.storage.atomic import copy_atomic
from tune_asr.storage.errors import storage_error


@dataclass(frozen=True, slots=True)
class Utterances:
    """Counts of s utterances, sorted by id: a batch size changes the order in which they are scored."""

    ids: tuple[str, ...]
    errors: NDArray[np.int64]
    """(s,) substitutions + deletions + insertions."""
    words: NDArray[np.int64]
    """(s,) words of the reference."""

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of their WER, as the leaderboard has it: low and high end, as fractions."""
        return wer_interval(self.errors, self.words)


def read_utterances(path: Path) -> Utterances | None:
    """The counts in a file of JSON lines; None where there is no such file, or it is empty or damaged."""
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
    """Copy the utterances beside a checkpoint, where there are any, to where they outlive it.

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
    """The utterances behind a report: from its checkpoint, or from utterances/ where checkpoints were removed.

    None where neither has them. Files whose sums are not the report's are of another epoch.
    """
    found = source_of(folder, trial, report)
    return found[1] if found else None


def source_of(folder: ResultsFolder, trial: str, report: Report) -> tuple[Path, Utterances] | None:
    """The file that `utterances_of` goes by, and the utterances themselves."""
    beside_checkpoint = stored(folder.checkpoints(trial), report.epoch) / UTTERANCES
    for path in (beside_checkpoint, folder.utterances(trial)):
        found = read_utterances(path)
        if found and (found.errors.sum(), found.words.sum()) == (report.counts.errors, report.counts.words or 0):
            return path, found
    return None
