"""Signals during a search."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tune_asr.search.interrupts import EARLY, SIGNALS, Interrupts

PROGRAM = Path(__file__).parents[1] / "programs" / "interrupted_twice.py"
START = PROGRAM.with_name("interrupted_start.py")


def test_every_handler_is_restored():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts(lambda: None) as interrupts:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as ray.init does
        signal.signal(signal.SIGUSR1, lambda *_: None)  # as Tune does
        interrupts.install()
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.number == signal.SIGTERM
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize(("folder", "stays"), [("tune_asr-ray-ab", False), ("mine", True)])
def test_second_signal_removes_our_token(tmp_path, monkeypatch, folder, stays):
    token = tmp_path / folder / "token"
    token.parent.mkdir()
    token.write_text("secret")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    assert subprocess.run([sys.executable, PROGRAM], check=False).returncode == 130
    assert token.exists() == stays


def test_second_warning_is_no_second_signal():
    """A batch system may send SIGUSR1 to a process in two ways."""
    with Interrupts(lambda: None) as interrupts:
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        assert interrupts.exit_code(6) == 138


def test_held_signal_comes_with_install():
    with Interrupts(lambda: None) as interrupts:
        interrupts.hold()
        signal.raise_signal(signal.SIGUSR1)
        assert interrupts.number is None
        interrupts.install()
        assert interrupts.number == signal.SIGUSR1


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_ends_a_start_at_once(number):
    """Its child ignores SIGUSR1 and takes the others, which are held back here."""
    ended = subprocess.run([sys.executable, START, str(int(number))], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 128 + number
    assert ended.stderr == ""
    child, *lines = ended.stdout.splitlines()
    assert int(child) == (0 if number == signal.SIGUSR1 else -number)
    assert lines == [EARLY, "cleaned up"]
