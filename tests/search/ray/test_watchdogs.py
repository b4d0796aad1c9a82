"""Ends of a hanging process, and processes under watch."""

import subprocess
import sys

import pytest

from tune_asr.search.ray.watchdogs import own_processes

CODE = """
import threading
from tune_asr.search.ray.watchdogs import end_process_within

began, go_on = threading.Event(), threading.Event()


def clean_up():
    began.set()
    go_on.wait(1)
    {clean_up}


call_off = end_process_within({seconds}, 7, "gone", first=clean_up)
if {seconds} == 0:
    began.wait()
call_off()
print("called off")
"""


@pytest.mark.parametrize("clean_up", ["pass", "raise OSError"])
def test_begun_end_cannot_be_cancelled(clean_up):
    """One message is printed, even if the clean-up fails."""
    ended = run(seconds=0, clean_up=clean_up)
    assert (ended.returncode, ended.stdout) == (7, "")
    assert ended.stderr.count("error: gone\n") == 1


def test_cancelled_end_does_not_come():
    ended = run(seconds=100, clean_up="pass")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "called off\n", "")


def run(**values: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", CODE.format(**values)]
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
