"""Checkpoint folders: complete or absent, and verified."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.limits import file_size_limit
from tune_asr.errors import StorageError
from tune_asr.record.checkpoints import (
    epoch_folder,
    kept_epochs,
    newest_intact,
    retain,
    stored,
    verify,
    write_checkpoint,
)


def write(trial: Path, epoch: int, content: bytes = b"weights") -> Path:
    files: dict[str, Callable[[Path], None]] = {
        "checkpoint.ckpt": lambda path: path.write_bytes(content),
        "utterances.jsonl": lambda path: path.write_bytes(b"{}\n"),
    }
    write_checkpoint(epoch_folder(trial, epoch), files)
    return epoch_folder(trial, epoch)


def flip(file: Path, position: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[position // 8] ^= 1 << position % 8
    file.write_bytes(data)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda f: os.truncate(f / "checkpoint.ckpt", 3), "checkpoint.ckpt has 3 bytes .* says 7"),
    "emptied": (lambda f: os.truncate(f / "checkpoint.ckpt", 0), "checkpoint.ckpt has 0 bytes"),
    "one bit": (lambda f: flip(f / "checkpoint.ckpt", 13), "checkpoint.ckpt does not match its SHA-256"),
    "file removed": (lambda f: (f / "checkpoint.ckpt").unlink(), "checkpoint.ckpt is missing"),
    "other file": (lambda f: flip(f / "utterances.jsonl"), "utterances.jsonl does not match"),
    "a folder instead": (
        lambda f: ((f / "checkpoint.ckpt").unlink(), (f / "checkpoint.ckpt").mkdir()),
        "checkpoint.ckpt",
    ),
    "manifest removed": (lambda f: (f / "manifest.json").unlink(), "manifest.json is missing"),
    "manifest emptied": (lambda f: os.truncate(f / "manifest.json", 0), "manifest.json is damaged"),
    "manifest of nothing": (lambda f: (f / "manifest.json").write_text("{}"), "manifest.json is damaged"),
    "manifest of others": (
        lambda f: (f / "manifest.json").write_text('{"../x": {"size": 1, "sha256": ""}}'),
        "manifest.json is damaged",
    ),
    "folder removed": (shutil.rmtree, "removed"),
}


def test_written_checkpoint_is_intact(tmp_path):
    folder = write(tmp_path, 3)
    assert verify(folder) is None
    assert sorted(p.name for p in folder.iterdir()) == ["checkpoint.ckpt", "manifest.json", "utterances.jsonl"]
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_003"]
    assert newest_intact(tmp_path, 3) == (3, folder, [])


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_newest_falls_back_to_earlier(tmp_path, damage):
    """Its reason is named."""
    hurt, reason = DAMAGES[damage]
    older, newest = write(tmp_path, 4), write(tmp_path, 5)
    hurt(newest)
    assert re.search(reason, verify(newest) or "")
    epoch, path, damaged = newest_intact(tmp_path, 5)
    assert (epoch, path) == (4, older)
    (line,) = damaged
    assert re.search(f"epoch_005: .*{reason}|epoch_005: {reason}", line)


def test_flipped_bit_in_manifest_is_seen(tmp_path):
    """Or it changes nothing used."""
    folder = write(tmp_path, 1)
    manifest = folder / "manifest.json"
    whole = manifest.read_bytes()
    harmless = 0
    for byte in range(len(whole)):
        flip(manifest, 8 * byte + byte % 8)
        harmless += verify(folder) is None
        manifest.write_bytes(whole)
    # White space that stays white space: a space and a line break may differ in a single bit.
    assert harmless < 5


def test_only_damaged_checkpoints_restart_the_trial(tmp_path):
    """Each of them is named."""
    for epoch in (2, 4, 5):
        (write(tmp_path, epoch) / "checkpoint.ckpt").unlink()
    epoch, path, damaged = newest_intact(tmp_path, 5)
    assert (epoch, path) == (0, None)
    assert [re.search(r"epoch_\d+", line)[0] for line in damaged] == ["epoch_005", "epoch_004", "epoch_002"]


def test_trial_without_reports_needs_no_checkpoint(tmp_path):
    assert newest_intact(tmp_path / "00000", 0) == (0, None, [])


def test_removed_trial_folder_is_named(tmp_path):
    assert newest_intact(tmp_path / "00000", 3) == (0, None, [f"{tmp_path}/00000/epoch_003: removed"])


def test_checkpoint_without_report_is_ignored(tmp_path):
    known, _ = write(tmp_path, 4), write(tmp_path, 5)
    assert newest_intact(tmp_path, 4) == (4, known, [])


def test_checkpoint_of_same_epoch_is_replaced(tmp_path):
    write(tmp_path, 5, b"first")
    folder = write(tmp_path, 5, b"second")
    assert verify(folder) is None
    assert (folder / "checkpoint.ckpt").read_bytes() == b"second"
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_005"]


def test_failed_write_leaves_earlier_files_alone(tmp_path):
    folder = write(tmp_path, 5, b"first")

    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        write_checkpoint(folder, {"checkpoint.ckpt": broken})
    assert verify(folder) is None
    assert (folder / "checkpoint.ckpt").read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_005"]


def test_full_disk_leaves_earlier_checkpoints(tmp_path):
    folder = write(tmp_path / "00000", 1)
    refused = r"epoch_002: cannot write the checkpoint: the file would exceed the size limit"
    with file_size_limit(1 << 17), pytest.raises(StorageError, match=refused):
        write(tmp_path / "00000", 2, bytes(1 << 18))
    assert [p.name for p in folder.parent.iterdir()] == ["epoch_001"]
    assert verify(folder) is None


PROGRAM = Path(__file__).parents[1] / "programs" / "dying_writer.py"


@pytest.mark.parametrize("call", ["rename", "fsync"])
def test_killed_replacement_leaves_intact_checkpoint(tmp_path, call):
    """Killed before any of its steps."""
    for when in range(1, 9):
        trial = tmp_path / f"{when}"
        folder = write(trial, 5, b"first")
        process = subprocess.run(
            [sys.executable, PROGRAM, str(folder), call, str(when)], capture_output=True, check=False
        )
        epoch, path, damaged = newest_intact(trial, 5)
        assert (epoch, damaged) == (5, []), f"killed before {call} {when}"
        assert path is not None
        assert path == stored(trial, 5)
        assert (path / "checkpoint.ckpt").read_bytes() in (b"first", b"second")
        assert kept_epochs(trial) == {5}
        # and the next writer is not hindered by what was left
        write(trial, 5, b"third")
        retain(trial, {5})
        assert [p.name for p in trial.iterdir()] == ["epoch_005"]
        assert (epoch_folder(trial, 5) / "checkpoint.ckpt").read_bytes() == b"third"
        if process.returncode == 0:
            assert when > 2, "no crash was injected"
            return
        assert process.returncode == -signal.SIGKILL
    pytest.fail("the writer never lived")


def test_retain_removes_all_but_given_epochs(tmp_path):
    for epoch in (1, 2, 3, 1000):
        write(tmp_path, epoch)
    (tmp_path / ".tmp-abandoned").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    retain(tmp_path, {2, 1000, 7})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch_002", "epoch_1000", "notes.txt"]
    assert kept_epochs(tmp_path) == {2, 1000}


def test_retain_ignores_missing_folder(tmp_path):
    retain(tmp_path / "00000", {1})


def test_two_writers_share_one_epoch(tmp_path):
    """Worker of a killed driver, writing beside the next one's."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom tune_asr.record.checkpoints import write_checkpoint\n"
        "for _ in range(60): write_checkpoint(Path(sys.argv[1]), {'a': lambda path: path.write_bytes(b'same')})"
    )
    folder = tmp_path / "epoch_001"
    writers = [subprocess.Popen([sys.executable, "-c", code, folder], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [(b"", 0)] * 3
    assert verify(folder) is None


@pytest.mark.parametrize("answered", [0, 1])
def test_disk_error_while_listing_is_exit_5(tmp_path, monkeypatch, answered):
    """A file server that restarts answers with ESTALE, also between two listings."""
    write(tmp_path, 1)
    iterdir, calls = Path.iterdir, []

    def listing(path: Path):
        calls.append(path)
        if len(calls) > answered:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", listing)
    with pytest.raises(StorageError, match=re.escape(f"{tmp_path}: cannot look for checkpoints: Stale file handle")):
        retain(tmp_path, {1})
    assert verify(epoch_folder(tmp_path, 1)) is None
