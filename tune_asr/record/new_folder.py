"""Results folder of a new search: whether it can be made, making and removing it."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from tune_asr.errors import Problem, StorageError
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.skipped_rows import SKIPPED_ROWS
from tune_asr.storage.atomic import probe_writable
from tune_asr.storage.errors import storage_error, writing
from tune_asr.storage.temporary import TEMPORARY_PREFIX


def create(root: Path) -> ResultsFolder:
    """Make a folder with an empty ledger for a search.

    Raises:
        StorageError: it holds a search or other files, or cannot be written.
    """
    folder = ResultsFolder(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        _refuse_to_overwrite(folder)
        probe_writable(root)
        folder.ledger.touch()
    except (FileExistsError, NotADirectoryError) as error:
        raise _in_the_way(root) from error
    except OSError as error:
        raise storage_error(error, root, "cannot make the results folder") from error
    return folder


def require_new(root: Path) -> None:
    """Check that a new search can have the folder.

    Raises:
        StorageError: the folder holds a search or other files, or is not a folder.
    """
    with writing(root, "cannot look into the results folder"):
        if root.is_dir():
            _refuse_to_overwrite(ResultsFolder(root))
        else:
            require_place(root)


def require_place(root: Path) -> None:
    """Refuse a file in the place of a folder.

    Raises:
        StorageError: the folder can never be made.
    """
    if not _nearest(root).is_dir():
        raise _in_the_way(root)


def require_writable(root: Path) -> None:
    """Check that the folder can be made, without a trace.

    Raises:
        StorageError: its nearest existing ancestor cannot be written.
    """
    with writing(root, "cannot make the results folder"):
        tempfile.TemporaryFile(dir=_nearest(root)).close()


def discard(folder: ResultsFolder) -> None:
    """Undo `create` and `ResultsFolder.lock` if no search began.

    Other files in the folder stay.
    """
    with suppress(OSError):
        if folder.ledger.exists() and not folder.ledger.stat().st_size:
            folder.ledger.unlink()
        folder.lock_file.unlink()
        folder.root.rmdir()


def remove(folder: ResultsFolder) -> None:
    """Remove a search without a result, and all its files.

    Other files in the folder stay.
    """
    root = folder.root
    for each in (folder.all_checkpoints, root / "utterances", root / "tensorboard", root / ".tune"):
        shutil.rmtree(each, ignore_errors=True)
    derived = (folder.leaderboard, folder.summary, folder.best_yaml, folder.best_ckpt, root / SKIPPED_ROWS)
    for file in (folder.search_yaml, folder.ledger, *derived):
        with suppress(OSError):
            file.unlink()
    discard(folder)


def _nearest(root: Path) -> Path:
    """Return the folder, or its nearest ancestor in existence."""
    return next(path for path in (root, *root.parents) if os.path.lexists(path))


def _in_the_way(root: Path) -> StorageError:
    what = f"cannot be made: {_nearest(root)} is not a folder"
    return StorageError(Problem(str(root), what, "Choose another --name or --results."))


def _refuse_to_overwrite(folder: ResultsFolder) -> None:
    folder.require_files_only()
    root = folder.root
    if folder.search_yaml.exists() or (folder.ledger.exists() and folder.ledger.stat().st_size):
        hint = f"Resume it with --resume {shlex.quote(str(root))}, or give the new search another --name."
        raise StorageError(Problem(str(root), "the folder holds a search already", hint))
    # Leftovers of a start that was killed are ours, and worth nothing.
    ours = (folder.lock_file, folder.ledger)
    others = [path.name for path in root.iterdir() if path not in ours and not path.name.startswith(TEMPORARY_PREFIX)]
    if others:
        what = f"the folder is not empty: it holds {others[0]}, but no search"
        raise StorageError(Problem(str(root), what, "Choose another --name or --results, or empty it."))
