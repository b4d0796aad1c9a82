"""Signals during a search."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tune_asr.search.interrupts import SIGNALS, Interrupts

PROGRAM = Path(__file__).parents[1] / "programs" / "interrupted_twice.py"


def test_every_handler_is_restored():
    numbers = (*SIGNALS, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in numbers]
    with Interrupts(lambda: None) as interrupts:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as ray.init does
        signal.signal(signal.SIGUSR1, lambda *_: None)  # as Tune does
        interrupts.install()
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.number == signal.SIGTERM
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize(("folder", "stays"), [("tune_asr-ray-ab", False), ("mine", True)])
def test_second_signal_removes_our_token(tmp_path, monkeypatch, folder, stays):
    token = tmp_path / folder / "token"
    token.parent.mkdir()
    token.write_text("secret")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    assert subprocess.run([sys.executable, PROGRAM], check=False).returncode == 130
    assert token.exists() == stays
