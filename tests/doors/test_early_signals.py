"""Signals while a door loads, and several at once: one line, the right exit code, nothing half made."""

import os
import signal
import time
from pathlib import Path

import pytest

from tune_asr.search.interrupts import EARLY


def takes(process, number: int) -> bool:
    """Return whether a process has a handler for a signal."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return bool(int(status["SigCgt"], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize(
    ("door", "words"),
    [
        (("search", "--space", "space.yaml"), f"{EARLY}\n"),
        (("search", "--space", "space.yaml", "--dry-run"), "interrupted\n"),
        (("search", "--resume", "lr"), "interrupted\n"),
        (("train", "--config", "config.yaml", "--dry-run"), "interrupted\n"),
        (("train", "--config", "config.yaml"), "interrupted before the training began\n"),
    ],
)
def test_signal_while_loading(workspace, door, words, number):
    process = workspace.popen(*door)
    workspace.wait_for(process, lambda: takes(process, number))
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + number, "", words)
    assert sorted(path.name for path in workspace.root.iterdir()) == ["config.yaml", "space.yaml"]


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_two_signals_end_a_training_once(workspace, second):
    process = workspace.popen("train", "--config", "config.yaml", "--set", "trainer.max_epochs=200")
    kept = workspace.root / "artifacts" / "checkpoints"
    workspace.wait_for(process, lambda: len(list(kept.glob("*.ckpt"))) > 1)
    os.kill(process.pid, signal.SIGTERM)
    time.sleep(0.01)
    os.kill(process.pid, second)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (128 + signal.SIGTERM, 128 + second)  # Python takes the lower of two at once
    assert "Traceback" not in err and "ignored" not in err
    assert err.count("interrupted") == 1
