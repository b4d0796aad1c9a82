"""Results folder: refusals, and a lock bound to its owner."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.limits import file_size_limit
from tune_asr.errors import Problem, StorageError
from tune_asr.record import new_folder
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import Ledger
from tune_asr.record.search_events import SearchStarted
from tune_asr.record.skipped_rows import write_skipped_rows

PROGRAM = Path(__file__).parents[1] / "programs" / "lock_owner.py"


@contextmanager
def owner_of(folder: ResultsFolder) -> Iterator[subprocess.Popen[str]]:
    """Process with the lock, and a child with a longer life."""
    owner = subprocess.Popen([sys.executable, PROGRAM, folder.root], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    child = int(owner.stdout.readline())
    try:
        yield owner
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
        os.kill(child, signal.SIGKILL)


def test_new_folder_has_an_empty_ledger(tmp_path):
    """Its parents are made too."""
    folder = new_folder.create(tmp_path / "results" / "über uns")
    assert [p.name for p in folder.root.iterdir()] == ["trials.jsonl"]
    assert folder.ledger.read_bytes() == b""


@pytest.mark.parametrize("proof", ["search.yaml", "trials.jsonl"])
def test_folder_of_a_search_is_refused(tmp_path, proof):
    """Both hints are given: --resume and --name."""
    (tmp_path / proof).write_text("{}\n")
    with pytest.raises(StorageError, match=rf"holds a search already\n.*--resume {re.escape(str(tmp_path))}.* --name"):
        new_folder.create(tmp_path)


def test_folder_with_other_files_is_refused(tmp_path):
    """It stays untouched."""
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StorageError, match=r"not empty: it holds thesis\.tex, but no search"):
        new_folder.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_leftovers_of_killed_start_are_ignored(tmp_path):
    folder = new_folder.create(tmp_path)
    folder.lock().release()
    (tmp_path / ".tmp-of-search-yaml").write_text("half")
    new_folder.create(tmp_path)


def test_discard_removes_unused_folder_alone(tmp_path):
    folder = new_folder.create(tmp_path / "lr")
    with folder.lock():
        new_folder.discard(folder)
    assert not folder.root.exists()
    folder = new_folder.create(tmp_path / "lr")
    folder.search_yaml.write_text("name: lr\n")
    Ledger.open(folder.ledger).append(SearchStarted(slots=1))
    new_folder.discard(folder)
    assert sorted(p.name for p in folder.root.iterdir()) == ["search.yaml", "trials.jsonl"]


def test_remove_keeps_other_files(search):
    folder = search.folder
    search.describe()
    search.epoch(search.trial(lr=1.0), [1])
    with folder.lock():
        (folder.root / "notes.txt").write_text("mine")
        write_skipped_rows(folder.root, [Problem("train.jsonl:3", "no text")])
        new_folder.remove(folder)
        assert [p.name for p in folder.root.iterdir()] == ["notes.txt"]
        (folder.root / "notes.txt").unlink()
        new_folder.remove(folder)
    new_folder.require_new(folder.root)


def test_require_new_touches_nothing(tmp_path):
    new_folder.require_new(tmp_path / "lr")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "trials.jsonl").write_text("{}\n")
    with pytest.raises(StorageError, match="holds a search already"):
        new_folder.require_new(tmp_path)


@pytest.mark.parametrize("below", ["", "lr", "deeper/lr"])
def test_file_in_the_way_is_named(tmp_path, below):
    (tmp_path / "results").write_text("x")
    with pytest.raises(StorageError, match=re.escape(f"{tmp_path / 'results'} is not a folder")):
        new_folder.create(tmp_path / "results" / below)


def test_full_disk_is_found_at_start(tmp_path):
    refused = "cannot be written: the file would exceed the size limit"
    with file_size_limit(1 << 15), pytest.raises(StorageError, match=refused):
        new_folder.create(tmp_path / "lr")
    assert list((tmp_path / "lr").iterdir()) == []


def test_read_only_disk_is_found_by_root(own_disk):
    disk, make_read_only = own_disk
    root = disk / "lr"
    root.mkdir()
    make_read_only()
    for folder in (root, disk / "other"):
        with pytest.raises(StorageError, match=r"the file system is read-only\n.*--results"):
            new_folder.create(folder)


def test_open_existing_names_missing_files(tmp_path):
    for name in ("nowhere", "n" * 300):
        with pytest.raises(StorageError, match=f"{name}: there is no such folder"):
            ResultsFolder(tmp_path / name).require_folder()
    with pytest.raises(StorageError, match="no such folder"):
        ResultsFolder.open_existing(tmp_path / "lr")
    folder = new_folder.create(tmp_path / "lr")
    with pytest.raises(StorageError, match=r"not a results folder: search\.yaml missing"):
        ResultsFolder.open_existing(folder.root)
    with pytest.raises(StorageError, match=r"killed here while it started: the same command again starts it\."):
        ResultsFolder.open_existing(folder.root)
    folder.ledger.unlink()
    with pytest.raises(StorageError, match=r"Name the folder of a search; `.* --space FILE` starts one"):
        ResultsFolder.open_existing(folder.root)
    for epoch in (9, 10):
        (tmp_path / f"ctc-epoch={epoch:02d}.ckpt").touch()
    with pytest.raises(
        StorageError, match=rf"`export` and `evaluate` take a checkpoint in it as well: {tmp_path}/ctc-epoch=10.ckpt\.$"
    ):
        ResultsFolder.open_existing(tmp_path)
    folder.search_yaml.write_text("name: lr\n")
    folder.ledger.touch()
    assert ResultsFolder.open_existing(folder.root) == folder
    folder.checkpoints("00000").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"trials\.jsonl: the ledger is empty, but there are checkpoints of trials"):
        ResultsFolder.open_existing(folder.root)
    folder.ledger.unlink()
    with pytest.raises(StorageError, match=r"trials\.jsonl missing"):
        ResultsFolder.open_existing(folder.root)


def test_second_process_is_refused_with_owner(tmp_path):
    folder = new_folder.create(tmp_path / "lr")
    assert not folder.is_running()
    with owner_of(folder) as owner:
        assert folder.is_running()
        with pytest.raises(StorageError, match=rf"a search runs here: process {owner.pid} on \S+"):
            folder.lock()
        assert folder.is_running(), "a refused attempt took the lock away"


def test_lock_dies_with_owner_despite_children(tmp_path):
    folder = new_folder.create(tmp_path / "lr")
    with owner_of(folder) as owner:
        owner.kill()
        owner.wait()
        assert not folder.is_running()
        with folder.lock():
            assert folder.is_running()
            assert f"process {os.getpid()} on" in folder.lock_file.read_text()
        assert not folder.is_running()


def test_is_running_never_blocks_a_search(tmp_path):
    folder = new_folder.create(tmp_path / "lr")
    folder.lock().release()
    glance = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_SH); print(flush=True)"
    command = [sys.executable, "-c", f"{glance}; time.sleep(0.03)", str(folder.lock_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        folder.lock().release()


def test_immutable_folder_has_own_message(tmp_path):
    if subprocess.run(["chattr", "+i", str(tmp_path)], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable flag, or it may not be set")
    try:
        with pytest.raises(StorageError, match=r"the system forbids it\n.*lsattr"):
            new_folder.create(tmp_path)
    finally:
        subprocess.run(["chattr", "-i", str(tmp_path)], check=True)


def test_folder_without_write_access_is_named(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root is bound by no modes")
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="permission denied"):
        Ledger.open(tmp_path / "trials.jsonl")
