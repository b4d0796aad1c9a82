"""Errors of the file system become one sentence with a path."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.ledgers import event
from tests.limits import file_size_limit
from tune_asr.errors import StorageError
from tune_asr.record.checkpoints import kept_epochs
from tune_asr.record.ledger import Ledger
from tune_asr.record.snapshots import write_snapshots
from tune_asr.report import __main__ as report


def snapshot(search, root: Path | None = None) -> None:
    folder = search.folder if root is None else type(search.folder)(root)
    options = {"status": "running", "metric": "val_wer"}
    write_snapshots(folder, search.state, **options, config={"trainer": {"max_epochs": 4}})


@pytest.fixture
def searched(search):
    search.start()
    trial = search.trial(lr=1.0)
    search.epoch(trial, [1, 2])
    return search


def test_file_instead_of_folder_is_named(searched, capsys):
    where = searched.folder.checkpoints("00000")
    shutil.rmtree(where)
    where.write_text("x")
    with pytest.raises(StorageError, match=rf"{re.escape(str(where))}: cannot look for checkpoints: Not a directory"):
        kept_epochs(where)
    assert report.main([str(searched.folder.root)]) == 5
    assert str(where) in capsys.readouterr().err


@pytest.mark.parametrize("name", ["utterances", "leaderboard.csv", "summary.json", "best.yaml", "best.ckpt"])
def test_obstacle_at_derived_file_is_named(searched, name):
    path = searched.folder.root / name
    path.write_text("x") if name == "utterances" else path.mkdir()
    with pytest.raises(StorageError, match=re.escape(str(path))):
        snapshot(searched)


def test_folder_removed_under_search_is_named(searched):
    shutil.rmtree(searched.folder.root)
    with pytest.raises(StorageError, match=re.escape(str(searched.folder.root))):
        snapshot(searched)


def test_full_disk_refuses_a_snapshot(searched):
    with file_size_limit(16), pytest.raises(StorageError, match="the file would exceed the size limit"):
        snapshot(searched)


def test_read_only_disk_is_named(searched, own_disk):
    disk, make_read_only = own_disk
    root = disk / "lr"
    shutil.copytree(searched.folder.root, root)
    make_read_only()
    with pytest.raises(StorageError, match="the file system is read-only"):
        snapshot(searched, root)
    with pytest.raises(StorageError, match="the file system is read-only"):
        Ledger.open(root / "trials.jsonl")


def test_closed_ledger_refuses_to_append(tmp_path):
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    ledger.close()
    with pytest.raises(StorageError, match=r"trials\.jsonl: cannot append to the ledger: Bad file descriptor"):
        ledger.append(event("started"))
