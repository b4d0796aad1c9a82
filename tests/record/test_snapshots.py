"""Derived files follow from ledger and checkpoints alone."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from typing import Any

import pytest
import yaml

from tune_asr.record.checkpoints import epoch_folder, retain
from tune_asr.record.rerun import rerun_config
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.record.utterances import Utterances
from tune_asr.report.results import gather

CONFIG = {
    "seed": 1,
    "optimizer": {"name": "adamw", "lr": 0.1},
    "trainer": {"max_epochs": 4},
    "early_stopping": {"patience": None},
}


def snapshot(search: Any, status: str = "interrupted", state: SearchState | None = None) -> list[str]:
    """Write all files; a running search would leave out intervals on a busy machine."""
    state = state or search.state
    state.wall_seconds = 12.34567
    return write_snapshots(search.folder, state, status=status, metric="val_wer", config=CONFIG)


def rows(search: Any) -> list[dict[str, str]]:
    with search.folder.leaderboard.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files(search: Any) -> dict[str, tuple[int, bytes]]:
    found = [search.folder.root / name for name in ("leaderboard.csv", "summary.json", "best.yaml", "best.ckpt")]
    found += sorted((search.folder.root / "utterances").iterdir())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


@pytest.fixture
def searched(search):
    """Trials: pruned with WER 0.3, finished with 0.1, pending, diverged."""
    search.start()
    pruned = search.trial(**{"optimizer.lr": 1e-5, "model.activation": "a,b\u2028[red]"})
    search.epoch(pruned, [2, 4])
    search.log("pruned", trial=pruned)
    finished = search.trial(**{"optimizer.lr": 0.01, "model.activation": None})
    for errors in ([5, 5], [3, 3], [1, 1], [2, 2]):
        search.epoch(finished, errors)
    search.log("finished", trial=finished)
    search.log("created", trial="00002", params={"optimizer.lr": 0.02, "model.activation": "relu"}, seed=3)
    diverged = search.trial(**{"optimizer.lr": 9.0, "model.activation": "relu"})
    search.log("diverged", trial=diverged, cause="loss is NaN")
    return search


def test_leaderboard_has_columns_and_order(searched):
    assert snapshot(searched) == []
    header = searched.folder.leaderboard.read_text(encoding="utf-8").partition("\n")[0]
    assert header == (
        "rank,trial,status,epochs,val_wer,val_wer_low,val_wer_high,val_cer,val_loss,seconds,checkpoint,"
        "optimizer.lr,model.activation"
    )
    first, second, third, fourth = rows(searched)
    assert [row["trial"] for row in (first, second, third, fourth)] == ["00001", "00000", "00002", "00003"]
    assert [row["rank"] for row in (first, second, third, fourth)] == ["1", "2", "3", "4"]
    assert (first["epochs"], float(first["val_wer"]), float(first["seconds"])) == ("4", 0.1, 8.0)
    assert first["checkpoint"] == "checkpoints/00001/epoch_003"
    assert (float(first["optimizer.lr"]), first["model.activation"]) == (0.01, "null")
    assert float(second["optimizer.lr"]) == 1e-5
    assert second["model.activation"] == "a,b\u2028[red]"
    assert (third["status"], third["val_wer"], third["checkpoint"]) == ("pending", "", "")


def test_interval_is_of_best_epoch(searched):
    snapshot(searched)
    certain, uncertain = rows(searched)[:2]
    assert certain["val_wer_low"] == certain["val_wer"] == certain["val_wer_high"]  # both utterances are alike
    assert (float(uncertain["val_wer_low"]), float(uncertain["val_wer_high"])) == (0.2, 0.4)


def test_utterances_of_best_epoch_are_kept(searched):
    snapshot(searched)
    best = epoch_folder(searched.folder.checkpoints("00001"), 3) / "utterances.jsonl"
    assert searched.folder.utterances("00001").read_bytes() == best.read_bytes()
    assert not searched.folder.utterances("00003").exists()


def test_summary_has_status_and_counts(searched):
    snapshot(searched, "interrupted")
    summary = json.loads(searched.folder.summary.read_text(encoding="utf-8"))
    assert summary["status"] == "interrupted"
    assert summary["best"] == {
        "trial": "00001",
        "epoch": 3,
        "val_wer": 0.1,
        "val_cer": 0.05,
        "val_loss": 1.0,
        "checkpoint": "checkpoints/00001/epoch_003",
        "sha256": hashlib.sha256(b"weights of 00001 at 3").hexdigest(),
        "params": {"optimizer.lr": 0.01, "model.activation": None},
    }
    counts = {status: count for status, count in summary["trials"].items() if count}
    assert counts == {"pending": 1, "finished": 1, "pruned": 1, "diverged": 1}
    assert (summary["epochs"], summary["slots"], summary["wall_seconds"]) == (5, 2, 12.346)


def test_best_files_are_of_winner(searched):
    snapshot(searched)
    assert searched.folder.best_ckpt.read_bytes() == b"weights of 00001 at 3"
    assert yaml.safe_load(searched.folder.best_yaml.read_bytes()) == {
        **CONFIG,
        "seed": 17,
        "optimizer": {"name": "adamw", "lr": 0.01},
        "model": {"activation": None},
        # Where a training ends by patience alone, a search and `train` would not agree on when.
        "early_stopping": {"patience": None, "enabled": False},
    }


def test_unchanged_search_writes_nothing(searched, monkeypatch):
    """No interval is computed either."""
    snapshot(searched)
    before = files(searched)
    monkeypatch.setattr(Utterances, "interval", lambda _: pytest.fail("the interval was known"))
    snapshot(searched, state=SearchState.read(searched.folder.ledger))
    assert files(searched) == before


def test_removed_files_are_made_again(searched):
    snapshot(searched)
    before = {path: content for path, (_, content) in files(searched).items()}
    for name in ("leaderboard.csv", "summary.json", "best.yaml", "best.ckpt", "utterances"):
        path = searched.folder.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        snapshot(searched)
        assert {path: content for path, (_, content) in files(searched).items()} == before, name


def test_foreign_leaderboard_is_written_anew(searched):
    snapshot(searched)
    before = searched.folder.leaderboard.read_bytes()
    for damaged in (b"", b"\xff\xfe", b"a;b\n1;2\n", before[:40]):
        searched.folder.leaderboard.write_bytes(damaged)
        snapshot(searched)
        assert searched.folder.leaderboard.read_bytes() == before


def test_new_best_replaces_old_one(searched):
    snapshot(searched)
    searched.log("started", trial="00002")
    searched.epoch("00002", [0, 0])
    snapshot(searched)
    assert searched.folder.best_ckpt.read_bytes() == b"weights of 00002 at 1"
    assert json.loads(searched.folder.summary.read_text())["best"]["trial"] == "00002"
    assert rows(searched)[0]["trial"] == "00002"


def test_best_epoch_needs_its_checkpoint(searched):
    retain(searched.folder.checkpoints("00001"), {2, 4})
    snapshot(searched)
    assert searched.folder.best_ckpt.read_bytes() == b"weights of 00001 at 4"
    assert float(rows(searched)[0]["val_wer"]) == 0.2


def test_damaged_best_is_named_and_skipped(searched):
    (epoch_folder(searched.folder.checkpoints("00001"), 3) / "checkpoint.ckpt").write_bytes(b"weights of 00001 at ?")
    (line,) = snapshot(searched)
    assert "00001/epoch_003: checkpoint.ckpt does not match its SHA-256" in line
    assert searched.folder.best_ckpt.read_bytes() == b"weights of 00001 at 4"


def test_last_copy_of_removed_best_is_kept(searched):
    """Also while the search continues."""
    snapshot(searched)
    shutil.rmtree(epoch_folder(searched.folder.checkpoints("00001"), 3))
    snapshot(searched, "running")
    kept = searched.folder.root / "best-00001-epoch_003.ckpt"
    assert kept.read_bytes() == b"weights of 00001 at 3"
    assert searched.folder.best_ckpt.read_bytes() == b"weights of 00001 at 4"
    snapshot(searched)
    assert [path.name for path in searched.folder.root.glob("best-*")] == [kept.name]


def test_damage_never_reaches_best_ckpt(searched):
    snapshot(searched)
    with (epoch_folder(searched.folder.checkpoints("00001"), 3) / "checkpoint.ckpt").open("r+b") as file:
        file.write(b"W")
    assert searched.folder.best_ckpt.read_bytes() == b"weights of 00001 at 3"


def test_summary_without_reports_has_no_best(search):
    search.start()
    search.trial(lr=1.0)
    snapshot(search)
    assert json.loads(search.folder.summary.read_text())["best"] is None
    assert not search.folder.best_yaml.exists()
    assert not search.folder.best_ckpt.exists()
    assert [row["val_wer"] for row in rows(search)] == [""]


def test_no_utterances_means_no_interval(search):
    search.start()
    trial = search.trial(lr=1.0)
    search.epoch(trial, [1, 2])
    (epoch_folder(search.folder.checkpoints(trial), 1) / "utterances.jsonl").write_text("")
    write_snapshots(search.folder, search.state, status="running", metric="val_wer", config=CONFIG)
    # The manifest says that the file is not what was written: so the epoch is no best either.
    assert json.loads(search.folder.summary.read_text())["best"] is None


@pytest.mark.parametrize(("epochs", "stop"), [(1, 1), (3, 3), (4, None)])
def test_early_winner_has_stop_epoch(epochs, stop):
    trial = Trial("00000", {"optimizer.lr": 0.5, "data.new.deep": [1]}, 5, "pruned", [{}] * epochs)
    config = rerun_config(CONFIG, trial)
    assert config["early_stopping"].get("stop_epoch") == stop
    assert config["data"] == {"new": {"deep": [1]}}
    assert (config["seed"], config["optimizer"], config["trainer"]) == (
        5,
        {"name": "adamw", "lr": 0.5},
        {"max_epochs": 4},
    )
    assert CONFIG["optimizer"] == {"name": "adamw", "lr": 0.1}, "the base was changed"


def test_report_and_summary_name_one_winner(searched):
    """Also if the best checkpoint is damaged."""
    (epoch_folder(searched.folder.checkpoints("00001"), 3) / "checkpoint.ckpt").write_bytes(b"rotten")
    (damaged,) = snapshot(searched)
    assert "epoch_003" in damaged
    best = json.loads(searched.folder.summary.read_bytes())["best"]
    for file in ((), (searched.folder.summary,)):  # also where nobody has written down what was verified
        for path in file:
            path.unlink()
        trial, report = gather(searched.folder.root, rows=1).ranked[0]
        assert (trial.number, report.epoch) == (best["trial"], best["epoch"]) == ("00001", 4)


def test_rerun_makes_no_average():
    """The search did not make one either."""
    config = {"optimizer": {"lr": 0.1}, "trainer": {"max_epochs": 3}, "checkpoint": {"average_top_k": 5}}
    values = rerun_config(config, Trial("00000", {}, 1))
    assert values["checkpoint"] == {"average_top_k": 0}
