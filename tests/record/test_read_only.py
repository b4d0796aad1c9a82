"""Finished search on a disk that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.written_search import Search
from tune_asr.record.snapshots import write_snapshots
from tune_asr.report import __main__ as report
from tune_asr.search import __main__ as door

SPACE = {
    "param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}},
    "search": {"num_samples": 2, "algorithm": "random"},
    "asha": {"max_t": 4},
}


def finish(root: Path) -> Search:
    search = Search(root)
    description = search.describe(space=SPACE)
    search.start()
    for lr in (0.001, 0.002):
        number = search.trial(**{"optimizer.lr": lr})
        for errors in (5, 4, 3, 2):
            search.epoch(number, [errors, errors])
        search.log("finished", trial=number)
    write_snapshots(search.folder, search.state, status="finished", metric="val_wer", config=description["config"])
    search.log("search_ended", status="finished")
    search.ledger.close()
    return search


def contents(root: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_finished_search_is_left_unchanged(tmp_path, capsys):
    root = finish(tmp_path / "lr").folder.root
    (root / ".lock").write_text("process 1 on here\n")
    before = contents(root)
    assert door.main(["--resume", str(root)]) == 0
    assert "the search is finished" in capsys.readouterr().out
    assert contents(root) == before


def test_read_only_search_is_looked_at(own_disk, capsys):
    disk, make_read_only = own_disk
    root = finish(disk / "lr").folder.root
    make_read_only()
    before = contents(root)
    assert door.main(["--resume", str(root)]) == 0
    assert "the search is finished" in capsys.readouterr().out
    assert door.main(["--resume", str(root), "--dry-run"]) == 0
    assert "a resume changes nothing" in capsys.readouterr().out
    assert report.main([str(root)]) == 0
    assert "00000" in capsys.readouterr().out
    assert contents(root) == before
    more = ["--resume", str(root), "--num-samples", "3", "--accept", "data_fingerprint"]
    assert door.main([*more, "--dry-run"]) == 0
    assert "creates: 1 trial" in capsys.readouterr().out
    assert door.main(more) == 5
    assert "read-only" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["summary.json", "best.ckpt"])
def test_derived_files_are_made_again(tmp_path, lost):
    root = finish(tmp_path / "lr").folder.root
    (root / lost).unlink()
    assert door.main(["--resume", str(root)]) == 0
    assert (root / lost).exists()
