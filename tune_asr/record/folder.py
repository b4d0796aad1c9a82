"""Results folder of one search: paths, checks and lock."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tune_asr.errors import Problem, StorageError
from tune_asr.record.skipped_rows import SKIPPED_ROWS
from tune_asr.storage import locks
from tune_asr.storage.atomic import probe_writable
from tune_asr.storage.errors import disk_errors, require_files, storage_error
from tune_asr.storage.files import names_in
from tune_asr.storage.temporary import TEMPORARY_PREFIX, remove_remains


@dataclass(frozen=True, slots=True)
class ResultsFolder:
    """Results folder at `root`, untouched by the constructor."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> ResultsFolder:
        """Make a folder with an empty ledger for a search.

        Raises:
            StorageError: it holds a search or other files, or cannot be written.
        """
        folder = cls(root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            folder._require_files()
            folder._refuse_to_overwrite()
            probe_writable(root)
            folder.ledger.touch()
        except (FileExistsError, NotADirectoryError) as error:
            raise folder._in_the_way() from error
        except OSError as error:
            raise storage_error(error, root, "cannot make the results folder") from error
        return folder

    def require_new(self) -> None:
        """Check that a new search can have the folder.

        Raises:
            StorageError: the folder holds a search or other files, or is not a folder.
        """
        try:
            if self.root.is_dir():
                self._require_files()
                self._refuse_to_overwrite()
            else:
                self.require_place()
        except OSError as error:
            raise storage_error(error, self.root, "cannot look into the results folder") from error

    def require_place(self) -> None:
        """Refuse a file in the place of a folder.

        Raises:
            StorageError: the folder can never be made.
        """
        if not self._nearest().is_dir():
            raise self._in_the_way()

    def require_writable(self) -> None:
        """Check that the folder can be made, without a trace.

        Raises:
            StorageError: its nearest existing ancestor cannot be written.
        """
        try:
            tempfile.TemporaryFile(dir=self._nearest()).close()
        except OSError as error:
            raise storage_error(error, self.root, "cannot make the results folder") from error

    def remove(self) -> None:
        """Remove a search without a result, and all its files.

        Other files in the folder stay.
        """
        for folder in (self.all_checkpoints, self.root / "utterances", self.root / "tensorboard", self.root / ".tune"):
            shutil.rmtree(folder, ignore_errors=True)
        derived = (self.leaderboard, self.summary, self.best_yaml, self.best_ckpt, self.root / SKIPPED_ROWS)
        for file in (self.search_yaml, self.ledger, *derived):
            with suppress(OSError):
                file.unlink()
        self.discard()

    def discard(self) -> None:
        """Undo `create` and `lock` if no search began.

        Other files in the folder stay.
        """
        with suppress(OSError):
            if self.ledger.exists() and not self.ledger.stat().st_size:
                self.ledger.unlink()
            self.lock_file.unlink()
            self.root.rmdir()

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
        self._require_files()
        missing = [path.name for path in (self.search_yaml, self.ledger) if not path.is_file()]
        if missing:
            what = f"this is not a results folder: {' and '.join(missing)} missing"
            raise StorageError(Problem(str(self.root), what, self._hint_without_search()))
        self.require_events()

    def _require_files(self) -> None:
        """Refuse what is no file in the place of one."""
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
        self._require_files()
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

    def _nearest(self) -> Path:
        """Return the folder, or its nearest ancestor in existence."""
        return next(path for path in (self.root, *self.root.parents) if os.path.lexists(path))

    def _in_the_way(self) -> StorageError:
        what = f"cannot be made: {self._nearest()} is not a folder"
        return StorageError(Problem(str(self.root), what, "Choose another --name or --results."))

    def _refuse_to_overwrite(self) -> None:
        if self.search_yaml.exists() or (self.ledger.exists() and self.ledger.stat().st_size):
            hint = f"Resume it with --resume {shlex.quote(str(self.root))}, or give the new search another --name."
            raise StorageError(Problem(str(self.root), "the folder holds a search already", hint))
        # Leftovers of a start that was killed are ours, and worth nothing.
        ours = (self.lock_file, self.ledger)
        others = [p.name for p in self.root.iterdir() if p not in ours and not p.name.startswith(TEMPORARY_PREFIX)]
        if others:
            what = f"the folder is not empty: it holds {others[0]}, but no search"
            raise StorageError(Problem(str(self.root), what, "Choose another --name or --results, or empty it."))


def is_record_of_a_search(path: Path) -> bool:
    """Return whether a file is a search's own search.yaml.

    Other configurations lie beside it, e.g. best.yaml.
    """
    folder = ResultsFolder(path.parent)
    return path.name == folder.search_yaml.name and folder.ledger.is_file()
