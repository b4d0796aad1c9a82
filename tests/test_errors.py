"""Errors of the user: message, cause and pickling."""

import pickle
import signal
import subprocess
import sys

import pytest

from tune_asr.errors import ConfigError, DataError, Problem, SettingError

LR = Problem("train.yaml:3: optimizer.lr", "-1 is not positive", "Raise it.\n  3e-3 is usual.")
SEED = Problem("", "seed is not a number")


def test_hint_has_its_own_line():
    expected = (
        "train.yaml:3: optimizer.lr: -1 is not positive\n    Raise it.\n      3e-3 is usual.\nseed is not a number"
    )
    assert str(ConfigError([LR, SEED])) == expected


def test_hint_of_plain_sentence():
    assert ConfigError("no such file", hint="Create it.").problems == (Problem("", "no such file", "Create it."),)


def test_cause_is_one_line():
    expected = "train.yaml:3: optimizer.lr: -1 is not positive; seed is not a number"
    assert ConfigError([LR, SEED]).cause == expected
    assert DataError("first\nsecond", hint="Look.").cause == "first second"


@pytest.mark.parametrize("error", [ConfigError([LR, SEED]), SettingError("too wide", hint="Lower it.")])
def test_errors_survive_pickling(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.problems, str(copy)) == (type(error), error.problems, str(error))


HANGS = """
import time
from tune_asr import errors

errors._END_SECONDS = 1
errors.end_on_signals()
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    time.sleep(60)
"""


def test_end_after_signal_cannot_hang():
    process = subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (143, "interrupted\n")
