"""Finished search on a disk that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.written_search import finished_search
from tune_asr.report import __main__ as report
from tune_asr.search import __main__ as door


def contents(root: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_finished_search_is_left_unchanged(tmp_path, capsys):
    root = finished_search(tmp_path / "lr").folder.root
    (root / ".lock").write_text("process 1 on here\n")
    before = contents(root)
    assert door.main(["--resume", str(root)]) == 0
    assert "the search is finished" in capsys.readouterr().out
    assert contents(root) == before


def test_read_only_search_is_looked_at(own_disk, capsys):
    disk, make_read_only = own_disk
    root, edited = (finished_search(disk / name).folder.root for name in ("lr", "edited"))
    search_yaml = edited / "search.yaml"
    search_yaml.write_text(search_yaml.read_text().replace("config:\n", "config:\n  optimizer: {weight_decay: 0.5}\n"))
    make_read_only()
    before = contents(root)
    assert door.main(["--resume", str(root)]) == 0
    assert "the search is finished" in capsys.readouterr().out
    assert door.main(["--resume", str(root), "--dry-run"]) == 0
    assert "a resume changes nothing" in capsys.readouterr().out
    assert report.main([str(root)]) == 0
    assert "00000" in capsys.readouterr().out
    assert contents(root) == before
    assert door.main(["--resume", str(edited), "--accept", "optimizer.weight_decay"]) == 0
    assert "accepted, and" in capsys.readouterr().out
    more = ["--resume", str(root), "--num-samples", "3", "--accept", "data_fingerprint", "--accept", "versions"]
    assert door.main([*more, "--dry-run"]) == 0
    assert "creates: 1 trial" in capsys.readouterr().out
    assert door.main(more) == 5
    assert "read-only" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["summary.json", "best.ckpt"])
def test_derived_files_are_made_again(tmp_path, lost):
    root = finished_search(tmp_path / "lr").folder.root
    (root / lost).unlink()
    assert door.main(["--resume", str(root)]) == 0
    assert (root / lost).exists()


@pytest.mark.parametrize("lost", ["leaderboard.csv", "best.ckpt"])
def test_lost_file_on_read_only_disk_is_named(own_disk, capsys, lost):
    """The lock cannot be taken there either, but it is not the cause."""
    disk, make_read_only = own_disk
    root = finished_search(disk / "lr").folder.root
    (root / lost).unlink()
    make_read_only()
    assert door.main(["--resume", str(root), "--dry-run"]) == 0
    assert "warning: the resume would be refused: " in (foreseen := capsys.readouterr().out)
    assert "the file system is read-only" in foreseen
    assert door.main(["--resume", str(root)]) == 5
    error = capsys.readouterr().err
    assert f"{lost} must be made again ({lost} is missing), but " in error
    assert "read-only" in error and "lock" not in error
