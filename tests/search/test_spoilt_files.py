"""Resume of a finished search whose derived files were spoilt."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.search.finished import resume
from tune_asr.record.checkpoints import CHECKPOINT


@pytest.mark.parametrize("name", ["leaderboard.csv", "summary.json", "best.yaml", "best.ckpt"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_no_file_in_place_of_derived_one(done, capsys, name, make):
    """A FIFO is replaced; a folder is named, since it may hold something."""
    (done / name).unlink()
    make(done / name)
    foreseen = resume(done, capsys, "--dry-run")
    assert "makes again: " in foreseen and name in foreseen
    if make is os.mkdir:
        assert f"{done / name}: cannot be written: it is a folder, not a file\n" in resume(done, capsys, expect=5)
        return
    assert "made again: " in resume(done, capsys)
    assert (done / name).is_file()
    assert "changes nothing" in resume(done, capsys, "--dry-run")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_no_file_among_utterances(done, capsys, make):
    """Read by nothing as long as the leaderboard is there."""
    (done / "utterances" / "00001.jsonl").unlink()
    make(done / "utterances" / "00001.jsonl")
    assert "changes nothing" in resume(done, capsys, "--dry-run")
    assert "made again" not in resume(done, capsys)
    (done / "leaderboard.csv").unlink()
    foreseen = resume(done, capsys, "--dry-run")
    assert "makes again: leaderboard.csv (leaderboard.csv is missing)" in foreseen
    if make is os.mkdir:
        refusal = "utterances/00001.jsonl: cannot be written: it is a folder, not a file\n"
        assert refusal in foreseen and refusal in resume(done, capsys, expect=5)
    else:
        assert "made again: leaderboard.csv" in resume(done, capsys)


def test_folder_in_place_of_summary_alone(done, capsys):
    (done / "summary.json").unlink()
    (done / "summary.json" / "a").mkdir(parents=True)
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    foreseen = resume(done, capsys, "--dry-run")
    assert "makes again: summary.json (out of date)\n" in foreseen
    refusal = f"{done}/summary.json: cannot be written: it is a folder, not a file\n    Remove it"
    assert f"warning: the resume would be refused: {refusal}" in foreseen
    assert refusal in resume(done, capsys, expect=5)
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*") if path in before} == before


def no_copy(path: Path, other: bytes) -> None:
    path.write_bytes(other)


def emptied_file(path: Path, _: bytes) -> None:
    path.write_bytes(b"")


def fifo(path: Path, _: bytes) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [no_copy, emptied_file, fifo])
@pytest.mark.parametrize("is_old", [False, True])
def test_spoilt_best_ckpt(done, capsys, spoil: Callable[[Path, bytes], None], is_old):
    """Noticed beside an intact checkpoint, and no copy of a lost one; also without a hash on record."""
    other = (done / "checkpoints" / "00000" / "epoch_004" / CHECKPOINT).read_bytes()
    good = (done / "best.ckpt").read_bytes()
    spoil(done / "best.ckpt", other)
    assert "makes again: best.ckpt (out of date)\n" in resume(done, capsys, "--dry-run")
    assert "made again: best.ckpt (out of date)\n" in resume(done, capsys)
    assert (done / "best.ckpt").read_bytes() == good
    spoil(done / "best.ckpt", other)
    if is_old:
        summary = json.loads((done / "summary.json").read_text())
        del summary["best"]["sha256"]
        (done / "summary.json").write_text(json.dumps(summary))
    shutil.rmtree(done / "checkpoints" / "00001")
    none_left = "; the best is now trial 00000; no copy of trial 00001 at epoch 4 is left\n"
    assert none_left in resume(done, capsys, "--dry-run")
    assert none_left in resume(done, capsys)
    assert not list(done.glob("best-*"))
    assert (done / "best.ckpt").read_bytes() == other
    assert "changes nothing" in resume(done, capsys, "--dry-run")


def test_old_record_without_hash_keeps_archive(done, capsys):
    """Release 0.1.0 wrote no hash of best.ckpt, so a whole archive is kept."""
    with zipfile.ZipFile(done / "best.ckpt", "w") as archive:
        archive.writestr("data.pkl", b"weights")
    content = (done / "best.ckpt").read_bytes()
    summary = json.loads((done / "summary.json").read_text())
    del summary["best"]["sha256"]
    (done / "summary.json").write_text(json.dumps(summary))
    shutil.rmtree(done / "checkpoints" / "00001")
    assert "the last copy of trial 00001 is best-00001-epoch_004.ckpt now\n" in resume(done, capsys)
    assert (done / "best-00001-epoch_004.ckpt").read_bytes() == content
