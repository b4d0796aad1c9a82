"""Agreement of a finished search's derived files with its ledger and checkpoints.

A person may have removed files or checkpoints since. Nothing is written here.
"""

from __future__ import annotations

import csv
import errno
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.record.folder import ResultsFolder
from tune_asr.record.intact import (
    Damaged,
    best_on_record,
    copied,
    intact_standings,
    is_copy_of,
    removed_best,
    summary_on_record,
)
from tune_asr.record.ranking import Standing, leader
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.storage.errors import storage_error
from tune_asr.storage.files import names_in, regular


@dataclass(frozen=True, slots=True)
class Outdated:
    """Derived files that disagree with ledger and checkpoints."""

    paths: tuple[Path, ...]
    """Files that are missing or out of date, or have no trial to show."""
    lost: tuple[Damaged, ...]
    """Checkpoints that would be the best, but are damaged or removed."""
    cause: str
    """Cause, as text."""
    best: tuple[str, int] | None
    """Trial and epoch of the best checkpoint that is there."""
    copy_of: Damaged | None
    """Lost checkpoint of which best.ckpt is the last copy."""

    @property
    def names(self) -> str:
        """Names of the files that can be made, as text."""
        there = self.paths if self.best else [path for path in self.paths if not path.name.startswith("best.")]
        return ", ".join(path.name for path in there)

    def require_replaceable(self) -> None:
        """Refuse folders in the place of files to write.

        Raises:
            StorageError: there is one, which may hold something.
        """
        for path in self._written():
            if path.is_dir():
                raise storage_error(IsADirectoryError(errno.EISDIR, ""), path)

    def _written(self) -> Iterator[Path]:
        for path in self.paths:
            yield path
            utterances = path.with_name("utterances")
            if path.name == "leaderboard.csv" and utterances.is_dir():
                yield from (utterances / name for name in names_in(utterances) if name.endswith(".jsonl"))


def outdated(folder: ResultsFolder, state: SearchState, metric: Metric) -> Outdated | None:
    """Return derived files to make again, None if all agree.

    Trials and checkpoints are compared: other releases write numbers and keys in other ways. The best checkpoint is
    verified.
    """
    ranked, passed_over = intact_standings(folder, state, metric)
    winner = leader(ranked)
    best = (winner[0].number, winner[1].epoch) if winner else None
    paths = (*_of_all(folder, ranked, best), *_of_best(folder, best))
    if not paths:
        return None
    lost = [*removed_best(folder, state, metric, ranked), *passed_over]
    return Outdated(paths, tuple(lost), _cause(paths, lost), best, copied(folder, lost))


def _of_all(folder: ResultsFolder, ranked: Sequence[Standing], best: tuple[str, int] | None) -> Iterator[Path]:
    """Yield leaderboard.csv and summary.json if they disagree."""
    there = {trial.number: (report.checkpoint or "") if report else "" for trial, report in ranked}
    if _listed(folder) != there:
        yield folder.leaderboard
    if best_on_record(folder) != best or summary_on_record(folder).get("status") != "finished":
        yield folder.summary


def _of_best(folder: ResultsFolder, best: tuple[str, int] | None) -> Iterator[Path]:
    """Yield best.yaml and best.ckpt if they disagree.

    Without a readable summary.json, best.ckpt shows which trial the two are of.
    """
    recorded = best_on_record(folder)
    if best is None:
        if recorded:
            yield from (folder.best_yaml, folder.best_ckpt)
        return
    is_copy = is_copy_of(folder, *best)
    is_of_best = recorded == best or (recorded is None and is_copy)
    if not is_of_best or not folder.best_yaml.is_file():
        yield folder.best_yaml
    if not is_copy:
        yield folder.best_ckpt


def _cause(paths: Sequence[Path], lost: Sequence[Damaged]) -> str:
    if lost:
        return "; ".join(map(str, lost))
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    return "out of date"


def _listed(folder: ResultsFolder) -> dict[str, str] | None:
    """Return the checkpoint of each trial in leaderboard.csv.

    None if the file is missing or damaged.
    """
    try:
        table = csv.DictReader(io.StringIO(regular(folder.leaderboard).read_bytes().decode(), newline=""))
        return {row["trial"]: row["checkpoint"] for row in table}
    except (OSError, ValueError, KeyError, csv.Error):
        return None
