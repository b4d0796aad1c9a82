"""An end that nothing holds up, and that is told once."""

import subprocess
import sys

import pytest

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
def test_an_end_that_has_begun_is_not_called_off_whatever_its_clean_up_comes_to(clean_up):
    told = run(seconds=0, clean_up=clean_up)
    assert (told.returncode, told.stdout) == (7, "")
    assert told.stderr.count("error: gone\n") == 1


def test_an_end_that_is_called_off_in_time_does_not_come():
    told = run(seconds=100, clean_up="pass")
    assert (told.returncode, told.stdout, told.stderr) == (0, "called off\n", "")


def run(**values: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", CODE.format(**values)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
