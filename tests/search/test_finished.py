"""Resume of a finished search after its checkpoints or its search.yaml were changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.search.finished import best, emptied, replaced_by_a_file, resume, table
from tests.written_search import Search, finished_search
from tune_asr.record import new_folder
from tune_asr.record.checkpoints import CHECKPOINT
from tune_asr.report import __main__ as report

FOR_THE_BEST = "leaderboard.csv, summary.json, best.yaml, best.ckpt"


def test_lost_winner_is_never_the_best(done, capsys):
    """Its row keeps its rank with an empty checkpoint, and best.* are of the best that is there."""
    copy = (done / "best.ckpt").read_bytes()
    shutil.rmtree(done / "checkpoints" / "00001")
    foreseen = resume(done, capsys, "--dry-run")
    assert f"makes again: {FOR_THE_BEST} ({done}/checkpoints/00001/epoch_004: removed)" in foreseen
    assert "the best is now trial 00000" in foreseen
    assert table(done)[0][1] != ""
    out = resume(done, capsys)
    assert f"made again: {FOR_THE_BEST} ({done}/checkpoints/00001/epoch_004: removed)" in out
    assert "; the best is now trial 00000; the last copy of trial 00001 is best-00001-epoch_004.ckpt now\n" in out
    assert table(done) == [("00001", ""), ("00000", "checkpoints/00000/epoch_004")]
    assert best(done) == ("00000", 4)
    assert yaml.safe_load((done / "best.yaml").read_text())["optimizer"]["lr"] == 0.001
    stored = done / "checkpoints" / "00000" / "epoch_004" / CHECKPOINT
    assert (done / "best.ckpt").read_bytes() == stored.read_bytes()
    assert (done / "best-00001-epoch_004.ckpt").read_bytes() == copy
    assert "made again" not in resume(done, capsys)
    assert "changes nothing" in resume(done, capsys, "--dry-run")


@pytest.mark.parametrize("spoil", [emptied, replaced_by_a_file])
def test_spoilt_winner_falls_back_to_earlier_epoch(done, capsys, spoil: Callable[[Path], None]):
    spoil(done / "checkpoints" / "00001" / "epoch_004")
    assert f"made again: {FOR_THE_BEST}" in resume(done, capsys)
    assert best(done) == ("00001", 3)
    assert ("00001", "checkpoints/00001/epoch_003") in table(done)


def test_last_copies_of_one_trial_are_kept(done, capsys):
    first = (done / "best.ckpt").read_bytes()
    for epoch in ("epoch_004", "epoch_003"):
        shutil.rmtree(done / "checkpoints" / "00001" / epoch)
        assert f"the last copy of trial 00001 is best-00001-{epoch}.ckpt now" in resume(done, capsys)
    assert best(done) == ("00000", 4)
    assert (done / "best-00001-epoch_004.ckpt").read_bytes() == first
    assert (done / "best-00001-epoch_003.ckpt").read_bytes() != first


def test_no_checkpoint_and_no_copy(done, capsys):
    shutil.rmtree(done / "checkpoints")
    (done / "best.ckpt").unlink()
    os.mkfifo(done / "best.ckpt")
    out = resume(done, capsys)
    assert (
        "; no trial has an intact checkpoint; best.yaml is removed; no copy of trial 00001 at epoch 4 is left\n" in out
    )
    assert not list(done.glob("best*"))
    assert "changes nothing" in resume(done, capsys, "--dry-run")


def test_report_marks_trials_without_checkpoint(done, capsys):
    shutil.rmtree(done / "checkpoints")
    assert report.main([str(done)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Without a checkpoint: 00001, 00000." in out
    assert "1* 00001 finished" in out and "2* 00000 finished" in out
    assert "No trial is the best: none has a checkpoint that can be used." in out and "Best: trial" not in out


def test_no_checkpoint_leaves_no_best(done, capsys):
    shutil.rmtree(done / "checkpoints")
    out = resume(done, capsys)
    assert f"made again: leaderboard.csv, summary.json ({done}/checkpoints/00001/epoch_004: removed)" in out
    assert "; no trial has an intact checkpoint; best.yaml is removed; the last copy of trial 00001 is" in out
    assert best(done) is None
    assert [checkpoint for _, checkpoint in table(done)] == ["", ""]
    assert not (done / "best.yaml").exists() and not (done / "best.ckpt").exists()
    assert "made again" not in resume(done, capsys)


def test_lost_checkpoints_of_another_trial(done, capsys):
    shutil.rmtree(done / "checkpoints" / "00000")
    assert "made again: leaderboard.csv (out of date)" in resume(done, capsys)
    assert table(done) == [("00001", "checkpoints/00001/epoch_004"), ("00000", "")]
    assert best(done) == ("00001", 4)


def test_change_by_hand_is_refused(done, capsys):
    path = done / "search.yaml"
    values = yaml.safe_load(path.read_text())
    values["config"]["optimizer"] = {"weight_decay": 0.5}
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    error = resume(done, capsys, expect=2)
    assert "config.optimizer.weight_decay: was absent when the search began, and is 0.5\n" in error
    assert "accept the change with --accept optimizer.weight_decay.\n" in error
    out = resume(done, capsys, "--dry-run")
    assert "changed: optimizer.weight_decay was absent when the search began, and is 0.5\n" in out
    assert "warning: the resume would be refused without --accept optimizer.weight_decay\n" in out
    assert "no such key" in resume(done, capsys, "--dry-run", "--accept", "nonsense", expect=2)
    out = resume(done, capsys, "--dry-run", "--accept", "optimizer.weight_decay")
    assert "accepted, and" in out and "warning" not in out
    out = resume(done, capsys, "--accept", "optimizer.weight_decay")
    assert "accepted, and put on record once the search continues with more: optimizer.weight_decay\n" in out
    assert "the search is finished" in out


def test_other_data_and_versions_do_not_matter(done, capsys):
    """Nothing is trained."""
    path = done / "search.yaml"
    path.write_text(path.read_text().replace("python: 3.11.9", "python: 2.7.0"))
    assert "the search is finished" in resume(done, capsys)


@pytest.mark.parametrize(("status", "how"), [("interrupted", "was interrupted"), ("", "was killed")])
def test_end_that_was_not_recorded(tmp_path, capsys, status, how):
    done = finished_search(tmp_path / "lr").folder
    lines = done.ledger.read_text().splitlines(keepends=True)[:-1]
    ended = [json.dumps({"event": "search_ended", "status": status}) + "\n"] if status else []
    done.ledger.write_text("".join([*lines, *ended]))
    out = resume(done.root, capsys, "--dry-run")
    assert f"all trials have ended, but the search {how} before its end: a resume marks it as finished\n" in out
    assert "is finished" not in out
    assert "the search is marked as finished now\n" in resume(done.root, capsys)
    assert "changes nothing" in resume(done.root, capsys, "--dry-run")


@pytest.fixture
def cut(search: Search) -> Search:
    """Search of which the one trial was interrupted after three epochs."""
    search.describe(space={"param_space": {}, "search": {"num_samples": 1}, "asha": {"max_t": 4}})
    search.start()
    search.trial()
    for _ in range(3):
        search.epoch("00000", [2])
    search.log("paused", trial="00000", epoch=3)
    search.log("search_ended", status="interrupted")
    return search


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (shutil.rmtree, "removed"),
        (emptied, "manifest.json is missing"),
        (replaced_by_a_file, "manifest.json is damaged"),
    ],
)
def test_dry_run_looks_at_checkpoints(cut, capsys, spoil: Callable[[Path], None], why):
    root, there = cut.folder.root, cut.folder.checkpoints("00000")
    flags = ("--dry-run", "--accept", "data_fingerprint")  # the search is described without data
    assert "continues: 00000 after epoch 3\n" in resume(root, capsys, *flags)
    spoil(there / "epoch_003")
    out = resume(root, capsys, *flags)
    assert "continues: 00000 after epoch 2\n" in out
    assert f"  00000: epoch 3 is trained again, since {there}/epoch_003: {why}\n" in out
    shutil.rmtree(there)
    out = resume(root, capsys, *flags)
    assert "continues: 00000 from the start\n" in out
    assert f"  00000: epochs 1 to 3 are trained again, since {there}/epoch_003: removed\n" in out


def test_killed_start_is_refused_alike(tmp_path, capsys):
    folder = new_folder.create(tmp_path / "lr")
    folder.lock().release()
    error = resume(folder.root, capsys, expect=5)
    assert "not a results folder: search.yaml missing\n    A search was killed here" in error
    assert report.main([str(folder.root)]) == 5
    assert capsys.readouterr().err == error


def test_emptied_ledger_is_refused_alike(cut, capsys):
    cut.folder.ledger.write_bytes(b"")
    error = resume(cut.folder.root, capsys, expect=5)
    assert "the ledger is empty, but there are checkpoints of trials: its events are lost\n    Restore" in error
    assert report.main([str(cut.folder.root)]) == 5
    assert capsys.readouterr().err == error
