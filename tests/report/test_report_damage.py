"""Search whose best checkpoint is damaged: warnings, and commands to recover it."""

from __future__ import annotations

import csv
import shutil

import pytest

from tune_asr.record.checkpoints import epoch_folder
from tune_asr.record.snapshots import write_snapshots
from tune_asr.report import __main__ as report
from tune_asr.report.results import gather


@pytest.fixture
def searched(search):
    """Trial 00001 is the best at its only epoch, and best.ckpt is its copy."""
    search.describe()
    search.start()
    for errors in ([4, 4], [1, 1], [2, 2]):
        trial = search.trial(**{"optimizer.lr": 0.001})
        search.epoch(trial, errors)
        search.log("finished", trial=trial)
    write_snapshots(
        search.folder,
        search.state,
        status="finished",
        metric="val_wer",
        config={"trainer": {"max_epochs": 1}},
    )
    return search


def best_of(searched):
    return epoch_folder(searched.folder.checkpoints("00001"), 1)


def remove(folder):
    shutil.rmtree(folder)


def cut(folder):
    (folder / "checkpoint.ckpt").write_bytes(b"weights")


def strip(folder):
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(remove, "removed"), (cut, "checkpoint.ckpt has 7 bytes"), (strip, "manifest.json is missing")],
)
def test_damaged_winner_is_named(searched, capsys, damage, reason):
    damage(best_of(searched))
    assert report.main([str(searched.folder.root)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Warning: trial 00001 at epoch 1 would be the best, but its checkpoint cannot be used" in text
    assert reason in text
    assert "Best: trial 00002 at epoch 1" in text
    assert f"python -m tune_asr.export {searched.folder.best_ckpt}" in text
    assert f"--config {searched.folder.search_yaml} --trial 00001" in text
    assert "best.yaml" not in text, "which is the damaged trial's"


def test_trial_without_checkpoints_keeps_its_rank(searched, capsys):
    """It is marked, and never the best."""
    remove(epoch_folder(searched.folder.checkpoints("00002"), 1))
    write_snapshots(
        searched.folder, searched.state, status="finished", metric="val_wer", config={"trainer": {"max_epochs": 1}}
    )
    rows = list(csv.DictReader(searched.folder.leaderboard.open(encoding="utf-8")))
    assert [(row["trial"], row["val_wer"], bool(row["checkpoint"])) for row in rows] == [
        ("00001", "0.1", True),
        ("00002", "0.2", False),
        ("00000", "0.4", True),
    ]
    assert report.main([str(searched.folder.root)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "2* 00002 finished" in text
    assert "Without a checkpoint: 00002. The ledger gives the rank (marked *)" in text
    remove(best_of(searched))
    assert report.main([str(searched.folder.root)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "1* 00001 finished" in text and "Best: trial 00000" in text


def test_intact_search_has_no_warning(searched, capsys):
    assert report.main([str(searched.folder.root)]) == 0
    text = capsys.readouterr().out
    assert "Warning: trial" not in text
    assert "best.yaml" in text


def test_commands_without_search_yaml(searched, capsys):
    searched.folder.search_yaml.unlink()
    assert report.main([str(searched.folder.root)]) == 0
    text = capsys.readouterr().out
    assert "--config" in text, "best.yaml stands by itself"
    assert not any(word in text for word in ("tune_asr.export", "--trial", "--resume"))


def test_overtaken_best_is_no_damage(searched):
    trial = searched.trial(**{"optimizer.lr": 0.002})
    searched.epoch(trial, [0, 0])
    remove(best_of(searched))
    assert gather(searched.folder.root, 5).damaged == []


def test_no_export_without_checkpoints(searched, capsys):
    for trial in ("00000", "00001", "00002"):
        remove(epoch_folder(searched.folder.checkpoints(trial), 1))
    assert report.main([str(searched.folder.root)]) == 0
    text = capsys.readouterr().out
    assert "Best: trial 00001 at epoch 1" in text
    assert f"tune_asr.export {searched.folder.root}\n" not in text


@pytest.mark.parametrize(
    ("place", "message"),
    [(".", "this is a folder"), ("none/page.html", "is not a folder"), ("page.html/x.html", "is not a folder")],
)
def test_unwritable_file_is_refused_first(tmp_path, capsys, place, message):
    (tmp_path / "page.html").touch()
    assert report.main([str(tmp_path / "nowhere"), "--html", str(tmp_path / place)]) == 5
    assert message in capsys.readouterr().err


def test_file_in_place_of_folder(searched, capsys):
    assert report.main([str(searched.folder.ledger)]) == 5
    assert f"this is a file\n    Name the folder of a search, here {searched.folder.root}." in capsys.readouterr().err


def test_hint_of_unwritable_file_names_html(searched, capsys):
    assert report.main([str(searched.folder.root), "--html", "/proc/page.html"]) == 5
    error = capsys.readouterr().err
    assert "/proc/page.html: cannot be written: " in error
    assert "choose another with --html." in error
    assert "--results" not in error


@pytest.mark.parametrize("given", ["", " "])
def test_empty_html_file_is_refused(searched, capsys, given):
    """As of a variable that is not set."""
    with pytest.raises(SystemExit) as end:
        report.main([str(searched.folder.root), "--html", given])
    assert end.value.code == 2
    assert "argument --html: is empty, but must be the path of a file" in capsys.readouterr().err
