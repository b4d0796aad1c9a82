"""FIFOs, sockets, devices and folders in the place of a file are refused at once, never waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tune_asr.evaluate import __main__ as evaluate
from tune_asr.export import __main__ as export
from tune_asr.report import __main__ as report
from tune_asr.search import __main__ as search_door
from tune_asr.train import __main__ as train

SPECIAL = "it is a FIFO, a socket or a device, not a file"


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has 107 bytes at most
    socket.socket(socket.AF_UNIX).bind(path.name)
    os.chdir(here)


MANIFEST = "data={target: manifest, train: fifo.jsonl, val: fifo.jsonl}"
KINDS = {
    "fifo": (os.mkfifo, SPECIAL),
    "socket": (make_socket, SPECIAL),
    "device": (lambda path: path.symlink_to("/dev/zero"), SPECIAL),
    "folder": (Path.mkdir, "it is a folder, not a file"),
}
DOORS = {
    "report": lambda root: report.main([root]),
    "resume": lambda root: search_door.main(["--resume", root]),
    "dry run": lambda root: search_door.main(["--resume", root, "--dry-run"]),
    "export": lambda root: export.main([root]),
    "evaluate": lambda root: evaluate.main([root, "val.jsonl"]),
}


@pytest.fixture
def searched(search):
    search.start()
    search.describe()
    search.epoch(search.trial(**{"optimizer.lr": 0.001}), [1, 2])
    return search.folder


@pytest.mark.parametrize(
    ("door", "name", "kind"),
    [("report", name, kind) for name in (".lock", "trials.jsonl") for kind in KINDS]
    + [(door, name, "fifo") for door in DOORS for name in (".lock", "trials.jsonl", "search.yaml")],
)
def test_doors_name_what_is_no_file(searched, capsys, door, name, kind):
    (searched.root / name).unlink(missing_ok=True)
    make, what = KINDS[kind]
    make(searched.root / name)
    assert DOORS[door](str(searched.root)) == 5
    hint = "Remove it." if name == ".lock" else "Remove it, and restore the file from a copy if you have one."
    assert f"{searched.root / name}: cannot be used: {what}\n    {hint}\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["summary.json", "leaderboard.csv", "utterances/00000.jsonl", "test_set.jsonl"])
def test_report_passes_over_fifo(searched, capsys, name):
    path = searched.root / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    assert report.main([str(searched.root)]) == 0


@pytest.mark.parametrize("name", ["manifest.json", "checkpoint.ckpt", "utterances.jsonl"])
def test_fifo_in_checkpoint_is_damage(searched, capsys, name):
    path = searched.root / "checkpoints" / "00000" / "epoch_001" / name
    path.unlink()
    os.mkfifo(path)
    assert report.main([str(searched.root)]) == 0
    assert f"{name}" in capsys.readouterr().out


def test_new_search_refuses_fifo(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("space.yaml").write_text("config: config.yaml\nparam_space: {}\n")
    Path("config.yaml").write_text("data: {}\n")
    Path("results/space").mkdir(parents=True)
    os.mkfifo("results/space/.lock")
    assert search_door.main(["--space", "space.yaml"]) == 5
    assert f"results/space/.lock: cannot be used: {SPECIAL}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("door", "arguments", "code"),
    [
        (evaluate, ["fifo", "val.jsonl"], 5),
        (export, ["fifo"], 5),
        (train, ["--config", "fifo"], 2),
        (train, ["--config", "config.yaml", "--resume-from-checkpoint", "fifo"], 5),
        (train, ["--config", "config.yaml", "--set", "model.init_from=fifo", "--dry-run"], 2),
        (train, ["--config", "config.yaml", "--set", MANIFEST], 3),
        (search_door, ["--space", "fifo"], 2),
    ],
)
def test_fifo_on_the_command_line(tmp_path, capsys, monkeypatch, door, arguments, code):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    os.mkfifo("fifo.jsonl")
    Path("config.yaml").write_text("data: {}\n")
    assert door.main(arguments) == code
    assert "fifo" in capsys.readouterr().err
