"""Ends of a hanging process, and processes under watch."""

import subprocess
import sys
from pathlib import Path

import pytest

from tune_asr.search.ray.watchdogs import own_processes

PROGRAM = Path(__file__).with_name("programs") / "scheduled_end.py"


@pytest.mark.parametrize("clean_up", ["succeeds", "fails"])
def test_begun_end_cannot_be_cancelled(clean_up):
    """One message is printed, even if the clean-up fails."""
    ended = run(0, clean_up)
    assert (ended.returncode, ended.stdout) == (7, "")
    assert ended.stderr.count("error: gone\n") == 1


def test_cancelled_end_does_not_come():
    ended = run(100, "succeeds")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "called off\n", "")


def run(seconds: int, clean_up: str) -> subprocess.CompletedProcess:
    command = [sys.executable, PROGRAM, str(seconds), clean_up]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


class Renamed:
    """Node of a Ray with other insides."""

    def __init__(self) -> None:
        self.all_processes = {"gcs_server": [], "raylet": ["no process"]}


@pytest.mark.parametrize("node", [None, object(), Renamed()])
def test_unknown_insides_of_ray_are_not_watched(monkeypatch, node):
    """Only the probe of the head's port is left."""
    from ray._private import worker

    monkeypatch.setattr(worker, "_global_node", node)
    assert own_processes() == {}
