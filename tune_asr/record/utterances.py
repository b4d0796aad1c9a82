"""Error counts of each validation utterance, stored beside a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tune_asr.record.checkpoints import UTTERANCES, stored
from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.scoring.intervals import paired_difference, rate_interval
from tune_asr.scoring.metric import Metric
from tune_asr.storage.atomic import copy_atomic
from tune_asr.storage.errors import storage_error
from tune_asr.storage.files import regular


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
    character_errors: NDArray[np.int64] | None = None
    """(s,) errors of characters; None if the file is older, or lacks them."""
    characters: NDArray[np.int64] | None = None
    """(s,) characters of the reference."""

    def counts(self, metric: Metric) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Return errors and sizes, None if they are unknown."""
        if metric == "val_wer":
            return (self.errors, self.words) if self.words.any() else None
        if self.character_errors is None or self.characters is None or not self.characters.any():
            return None
        return self.character_errors, self.characters

    def interval(self) -> tuple[float, float]:
        """Return both ends of the 95 % interval of WER."""
        return rate_interval(self.errors, self.words)


def read_utterances(path: Path) -> Utterances | None:
    """Read counts from a file of JSON lines.

    None if the file is missing, empty or damaged.
    """
    try:
        rows = [json.loads(line) for line in regular(path).read_bytes().splitlines()]
        rows.sort(key=lambda row: str(row["id"]))
        errors = [row["substitutions"] + row["deletions"] + row["insertions"] for row in rows]
        ids, words = tuple(str(row["id"]) for row in rows), [row["words"] for row in rows]
        of_characters = [_column(rows, name) for name in ("character_errors", "characters")]
        found = Utterances(ids, np.array(errors, np.int64), np.array(words, np.int64), *of_characters)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return found if rows else None


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.int64] | None:
    """Return a column, None where release 0.1.0 wrote none."""
    return np.array([row[name] for row in rows], np.int64) if all(name in row for row in rows) else None


def keep_utterances(folder: ResultsFolder, trial: str, epoch: int) -> None:
    """Copy a checkpoint's utterances to utterances/, which outlives it.

    Raises:
        StorageError: they cannot be written.
    """
    source = stored(folder.checkpoints(trial), epoch) / UTTERANCES
    target = folder.utterances(trial)
    if not source.is_file():
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


def half_width(folder: ResultsFolder, metric: Metric, first: Report, second: Report) -> float | None:
    """Return half of the paired interval of two reports.

    None if their utterances are lost, or are not the same.
    """
    found = [utterances_of(folder, report.trial, report) for report in (first, second)]
    counts = [utterances.counts(metric) if utterances else None for utterances in found]
    if counts[0] is None or counts[1] is None or len({utterances.ids for utterances in found if utterances}) > 1:
        return None
    (errors, sizes), (other_errors, _) = counts[0], counts[1]
    low, high, _ = paired_difference(errors, other_errors, sizes)
    return (high - low) / 2


def source_of(folder: ResultsFolder, trial: str, report: Report) -> tuple[Path, Utterances] | None:
    """Return the file used by `utterances_of`, and its contents."""
    beside_checkpoint = stored(folder.checkpoints(trial), report.epoch) / UTTERANCES
    for path in (beside_checkpoint, folder.utterances(trial)):
        found = read_utterances(path)
        if found and (found.errors.sum(), found.words.sum()) == (report.counts.errors, report.counts.words or 0):
            return path, found
    return None
