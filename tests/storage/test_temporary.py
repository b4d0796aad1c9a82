"""Remains of killed processes go; work in progress stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tune_asr.storage.temporary import claimed, remove_remains

PROGRAM = Path(__file__).parents[1] / "programs" / "half_written.py"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_remains_go_with_their_owner(tmp_path, kind):
    command = [sys.executable, str(PROGRAM), kind, str(tmp_path / "new")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        name = process.stdout.readline().strip()
        remove_remains(tmp_path)
        assert os.listdir(tmp_path) == [name]  # noqa: PTH208
        process.kill()
    remove_remains(tmp_path)
    assert not os.listdir(tmp_path)  # noqa: PTH208


def test_files_of_others_stay(tmp_path):
    for name in (".tmp-notes", ".tmp-0123", "tmp-" + "0" * 32, ".tmp-" + "0" * 32 + ".txt"):
        (tmp_path / name).touch()
    (tmp_path / (".tmp-" + "1" * 32)).symlink_to(tmp_path / ".tmp-notes")
    before = sorted(os.listdir(tmp_path))  # noqa: PTH208
    remove_remains(tmp_path, tmp_path / "nowhere")
    assert sorted(os.listdir(tmp_path)) == before  # noqa: PTH208


def test_old_remains_go_too(tmp_path):
    """Those of release 0.1.0, which locked none."""
    (tmp_path / (".tmp-" + "a" * 32)).write_text("half")
    (tmp_path / (".tmp-" + "b" * 32) / "deep").mkdir(parents=True)
    (tmp_path / ".tmp-probe-node-7").touch()
    with claimed(tmp_path / "new") as own:
        remove_remains(tmp_path)
        assert os.listdir(tmp_path) == [own.name]  # noqa: PTH208
