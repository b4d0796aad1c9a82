"""Files and folders, complete or absent after a crash.

Each is written under a temporary name beside its place, fsynced and renamed; then the parent folder is
fsynced, since a rename alone would not survive a power cut.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tune_asr.storage.errors import storage_error, writing
from tune_asr.storage.files import fsync
from tune_asr.storage.temporary import claimed


def set_aside(folder: Path) -> Path:
    """Return the name of a folder during its replacement."""
    return folder.with_name(f"{folder.name}.replaced")


def replace_file(path: Path, write: Callable[[Path], object], *, setting: str = "--results") -> None:
    """Write a file and put it in place of `path`.

    Args:
        path: file to make or replace.
        write: function that writes the file at the path it gets.
        setting: flag or key that names the folder, for the hint of an error.

    Raises:
        StorageError: it cannot be written; an earlier file is untouched.
    """
    with writing(path, setting=setting), claimed(path) as temporary:
        try:
            write(temporary)
            fsync(temporary)
            temporary.replace(path)
            fsync(path.parent)
        finally:
            _discard(temporary)


@contextmanager
def new_folder(path: Path, *, replace: bool = False, temporary: Path | None = None) -> Iterator[Path]:
    """Yield a temporary folder, renamed to `path` at the end.

    After an exception it is removed.

    A rename cannot replace a folder that has content. So `replace` renames an earlier folder to `set_aside(path)`
    first; after a crash between the two renames, it is found there.

    Args:
        path: folder to make.
        replace: permission to replace an earlier folder.
        temporary: name of the temporary folder; by default a unique one beside `path`.

    Raises:
        OSError: the folder cannot be made; an earlier one is untouched.
    """
    with ExitStack() as stack:
        if temporary is None:
            temporary = stack.enter_context(claimed(path, is_folder=True))
        else:
            temporary.mkdir(parents=True)
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        yield temporary
        _fsync_all([temporary, *temporary.rglob("*")])
        if replace:
            _replace_folder(temporary, path)
        else:
            temporary.rename(path)
        fsync(path.parent)
        if replace:
            shutil.rmtree(set_aside(path), ignore_errors=True)


def write_atomic(path: Path, data: bytes, *, setting: str = "--results") -> None:
    """Put `data` in place of `path`.

    Args:
        path: file to make or replace.
        data: content.
        setting: flag or key that names the folder, for the hint of an error.

    Raises:
        StorageError: it cannot be written; an earlier file is untouched.
    """
    replace_file(path, lambda temporary: temporary.write_bytes(data), setting=setting)


def write_if_changed(path: Path, data: bytes) -> None:
    """Call `write_atomic` unless the file at `path` already holds `data`.

    Raises:
        StorageError: it cannot be written; an earlier file is untouched.
    """
    try:
        if path.is_file() and path.read_bytes() == data:
            return
    except OSError as error:
        raise storage_error(error, path, "cannot be read") from error
    write_atomic(path, data)


def copy_atomic(source: Path, path: Path) -> None:
    """Put a copy of `source` in place of `path`.

    A hard link would share damage, a copy does not.

    Raises:
        StorageError: it cannot be read or written; an earlier file is untouched.
    """
    replace_file(path, lambda temporary: shutil.copyfile(source, temporary))


def probe_writable(folder: Path, *, setting: str = "--results") -> None:
    """Check that `folder` is writable, by writing 64 KiB.

    Modes do not bind root, and a full disk has the right modes.

    Args:
        folder: folder to test.
        setting: flag or key that names the folder, for the hint of an error.

    Raises:
        StorageError: it cannot be written.
    """
    with writing(folder, "the folder cannot be written", setting=setting), claimed(folder / "probe") as probe:
        try:
            probe.write_bytes(bytes(1 << 16))
            fsync(probe)
        finally:
            _discard(probe)


def probe_unseen(folder: Path) -> None:
    """Check that `folder` is writable, without a trace.

    Raises:
        StorageError: it cannot be written.
    """
    with writing(folder, "the folder cannot be written"):
        tempfile.TemporaryFile(dir=folder).close()


def _fsync_all(paths: list[Path]) -> None:
    # One commit of the file system's journal serves calls made at once: half the time of one after the other.
    with ThreadPoolExecutor(min(len(paths), 16)) as pool:
        list(pool.map(fsync, paths))


def _replace_folder(temporary: Path, path: Path) -> None:
    """Set an earlier folder aside and rename `temporary` to `path`.

    The worker of a killed driver may write the same folder at the same time. `path` then appears or disappears between
    two of our steps, and the steps are repeated.
    """
    aside = set_aside(path)
    while True:
        try:
            if path.exists():
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)
            temporary.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT) or not temporary.exists():
                raise
        else:
            return


def _discard(temporary: Path) -> None:
    with suppress(OSError):  # already renamed, or never made: then an earlier error is on its way
        temporary.unlink()
