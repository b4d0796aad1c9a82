"""Files and folders are complete or absent after failures."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.limits import file_size_limit
from tune_asr.errors import StorageError
from tune_asr.storage.atomic import copy_atomic, new_folder, replace_file, set_aside, write_atomic, write_if_changed
from tune_asr.storage.errors import for_resume, storage_error


@pytest.fixture
def synced(monkeypatch):
    """Synced paths in order, each with the names beside it."""
    calls, fsync = [], os.fsync

    def note(descriptor):
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        calls.append((path, sorted(other.name for other in path.parent.iterdir())))

    monkeypatch.setattr(os, "fsync", note)
    return calls


def test_file_is_synced_around_rename(tmp_path, synced):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_bytes(b"1")
    write_atomic(folder / "old", b"2")
    (file, beside), (last, _) = synced
    assert file.name.startswith(".tmp-") and beside == [file.name, "old"]
    assert last == folder


def test_folder_is_synced_around_rename(tmp_path, synced):
    with new_folder(tmp_path / "new") as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_bytes(b"1")
    *within, (last, _) = synced
    assert sorted(path.relative_to(folder).parts for path, _ in within) == [(), ("sub",), ("sub", "file")]
    assert all("new" not in beside for _, beside in within)
    assert last == tmp_path


def test_failed_write_leaves_old_file(tmp_path):
    path, source = tmp_path / "summary.json", tmp_path / "big"
    write_atomic(path, b"old")
    source.write_bytes(bytes(1 << 18))
    with file_size_limit(1 << 16):
        with pytest.raises(
            StorageError, match=r"summary\.json: cannot be written: the file would exceed the size limit"
        ):
            write_atomic(path, bytes(1 << 18))
        with pytest.raises(StorageError, match="size limit"):
            copy_atomic(source, path)
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big", "summary.json"]


def test_unreadable_file_is_not_compared():
    with pytest.raises(StorageError, match=r"/proc/self/mem: cannot be read: Input/output error"):
        write_if_changed(Path("/proc/self/mem"), b"x")


def test_equal_content_is_not_written(tmp_path, synced):
    path = tmp_path / "file"
    path.write_bytes(b"same")
    write_if_changed(path, b"same")
    assert not synced
    write_if_changed(path, b"other")
    assert (path.read_bytes(), len(synced)) == (b"other", 2)


def test_failed_body_leaves_no_folder(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_bytes(b"old")
    with pytest.raises(KeyError), new_folder(tmp_path / "old", replace=True) as folder:
        (folder / "half").write_bytes(b"1")
        raise KeyError
    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*"))] == ["old", "old/file"]


def test_folder_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "folder"
    for content, replace in ((b"1", False), (b"2", True)):
        with new_folder(path, replace=replace) as folder:
            (folder / "file").write_bytes(content)
    with pytest.raises(OSError, match="not empty"), new_folder(path) as folder:
        (folder / "file").write_bytes(b"3")
    assert (path / "file").read_bytes() == b"2"
    assert not set_aside(path).exists()
    assert os.listdir(tmp_path) == ["folder"]  # noqa: PTH208


def test_given_temporary_name_is_used(tmp_path):
    with new_folder(tmp_path / "store", temporary=tmp_path / "store.partial") as folder:
        assert folder.name == "store.partial"
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize(
    ("number", "reason", "hint"),
    [
        (errno.ENOSPC, "the disk is full", "choose another disk with --output"),
        (errno.EROFS, "the file system is read-only", "Choose a writable folder with --output"),
        (errno.EIO, "Input/output error", "Check the path and its disk"),
    ],
)
def test_errors_name_reason_and_setting(tmp_path, number, reason, hint):
    with pytest.raises(StorageError) as caught:
        raise storage_error(OSError(number, os.strerror(number)), tmp_path, setting="--output")
    (problem,) = caught.value.problems
    assert problem.message == f"{tmp_path}: cannot be written: {reason}"
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "Free some space, or copy the folder to another disk and resume it there."),
        (errno.EROFS, "Copy the folder to another disk and resume it there."),
        (errno.EFBIG, "Raise the limit (ulimit -f), or make the file smaller."),
    ],
)
def test_resume_hint_omits_results(tmp_path, number, hint):
    error = storage_error(OSError(number, os.strerror(number)), tmp_path)
    (problem,) = for_resume(error).problems
    assert problem.message == error.problems[0].message
    assert problem.hint == hint


def test_replace_file_hint_names_setting(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"Not a directory\n.*checkpoint\.dirpath"):
        replace_file(tmp_path / "file" / "x", lambda path: path.write_bytes(b""), setting="checkpoint.dirpath")
