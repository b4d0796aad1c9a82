"""Results folder of one search: paths, checks and lock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tune_asr.errors import Problem, StorageError
from tune_asr.storage import locks
from tune_asr.storage.errors import disk_errors, require_files, storage_error
from tune_asr.storage.files import names_in
from tune_asr.storage.temporary import remove_remains


@dataclass(frozen=True, slots=True)
class ResultsFolder:
    """Results folder at `root`, untouched by the constructor."""

    root: Path

    @classmethod
    def open_existing(cls, root: Path) -> ResultsFolder:
        """Open the folder of an earlier search.

        Raises:
            StorageError: the folder holds no search; the missing files are named.
        """
        with disk_errors(root):
            folder = cls(root)
            folder.require_search()
        return folder

    def require_search(self) -> None:
        """Check for the files of a search.

        Raises:
            StorageError: some are missing.
        """
        self.require_folder()
        self.require_files_only()
        missing = [path.name for path in (self.search_yaml, self.ledger) if not path.is_file()]
        if missing:
            what = f"this is not a results folder: {' and '.join(missing)} missing"
            raise StorageError(Problem(str(self.root), what, self._hint_without_search()))
        self.require_events()

    def require_files_only(self) -> None:
        """Refuse what is no file in the place of one.

        Raises:
            StorageError: a folder, pipe, socket or device has the name of a file.
        """
        require_files(self.search_yaml, self.ledger)
        require_files(self.lock_file, content=False)

    def require_events(self) -> None:
        """Raise StorageError for checkpoints beside an empty ledger."""
        is_empty = self.ledger.is_file() and not self.ledger.stat().st_size
        if is_empty and self.all_checkpoints.is_dir() and names_in(self.all_checkpoints):
            what = "the ledger is empty, but there are checkpoints of trials: its events are lost"
            raise StorageError(Problem(str(self.ledger), what, "Restore it from a copy, or start a new search."))

    def require_folder(self) -> None:
        """Refuse a missing folder or a file.

        Raises:
            StorageError: `root` is one of these.
        """
        if os.path.isfile(self.root):  # noqa: PTH113  Path.is_file raises if a name is too long
            hint = f"Name the folder of a search, here {self.root.parent}."
            raise StorageError(Problem(str(self.root), "this is a file", hint))
        if not os.path.isdir(self.root):  # noqa: PTH112  and Path.is_dir
            raise StorageError(Problem(str(self.root), "there is no such folder", "Name the folder of a search."))

    @property
    def search_yaml(self) -> Path:
        """Space, configuration and versions of the search."""
        return self.root / "search.yaml"

    @property
    def ledger(self) -> Path:
        """Every event of the search."""
        return self.root / "trials.jsonl"

    @property
    def leaderboard(self) -> Path:
        """One row per trial, best first."""
        return self.root / "leaderboard.csv"

    @property
    def summary(self) -> Path:
        """Status and best trial, for programs."""
        return self.root / "summary.json"

    @property
    def best_yaml(self) -> Path:
        """Configuration of the winner."""
        return self.root / "best.yaml"

    @property
    def best_ckpt(self) -> Path:
        """Best checkpoint of the winner."""
        return self.root / "best.ckpt"

    @property
    def lock_file(self) -> Path:
        """File locked by the driver, with process and host."""
        return self.root / ".lock"

    @property
    def all_checkpoints(self) -> Path:
        """Folder of all trials' checkpoints."""
        return self.root / "checkpoints"

    def checkpoints(self, trial: str) -> Path:
        """Return the folder of one trial's checkpoints."""
        return self.all_checkpoints / trial

    def utterances(self, trial: str) -> Path:
        """Return the file of error counts at the best epoch."""
        return self.root / "utterances" / f"{trial}.jsonl"

    def tensorboard(self, trial: str) -> Path:
        """Return the folder of the trial's TensorBoard run."""
        return self.root / "tensorboard" / trial

    def lock(self) -> locks.Lock:
        """Lock the folder until `Lock.release` or the process's end.

        Raises:
            StorageError: a running search owns it.
        """
        try:
            lock = locks.lock(self.lock_file)
            if lock is None:
                hint = "Wait for its end or stop it; `python -m tune_asr.report` shows its progress meanwhile."
                what = f"a search runs here: {locks.owner(self.lock_file)}"
                raise StorageError(Problem(str(self.root), what, hint))
        except OSError as error:
            raise storage_error(error, self.lock_file, "cannot lock the results folder") from error
        return lock

    def tidy(self) -> None:
        """Remove what killed processes left, but for checkpoints.

        Those of a trial are removed once no process writes them.
        """
        remove_remains(self.root, self.root / "utterances")

    def is_running(self) -> bool:
        """Return whether a living search owns the folder. Writes nothing.

        Raises:
            StorageError: something else is in the place of a file.
        """
        self.require_files_only()
        return locks.is_locked(self.lock_file)

    def _hint_without_search(self) -> str:
        """Return the hint for a folder without a search.

        `train` writes checkpoints alone, which `export` and `evaluate` take too.
        """
        if self.ledger.is_file() and not self.ledger.stat().st_size:  # killed before it had begun
            return "A search was killed here while it started: the same command again starts it."
        if checkpoint := max(self.root.glob("*.ckpt"), default=None):
            return (
                f"Name the folder of a search. `export` and `evaluate` take a checkpoint in it as well: {checkpoint}."
            )
        return "Name the folder of a search; `python -m tune_asr.search --space FILE` starts one."


def is_record_of_a_search(path: Path) -> bool:
    """Return whether a file is a search's own search.yaml.

    Other configurations lie beside it, e.g. best.yaml.
    """
    folder = ResultsFolder(path.parent)
    return path.name == folder.search_yaml.name and folder.ledger.is_file()
