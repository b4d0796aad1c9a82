"""Progress passes everything through, and speaks only where there is somebody to wait."""

import io
import sys

import pytest

from tune_asr.speech import progress
from tune_asr.speech.progress import watched


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def told(monkeypatch):
    """What is written while `watched` runs, with a clock of a tenth of a second an item."""

    def run(terminal, count, stop_at=None):
        stream, now = Stream(terminal), iter(range(10**6))
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(now) / 10)
        passed = []
        for item in watched(iter(range(count)), count, "recordings checked"):
            passed.append(item)
            if item == stop_at:
                break
        assert passed == list(range(count))[: None if stop_at is None else stop_at + 1]
        return stream.getvalue()

    return run


def test_what_takes_no_time_is_not_mentioned(told):
    assert told(True, 15) == told(False, 15) == ""


def test_a_terminal_gets_a_bar_that_ends_full_and_ends_its_line(told):
    text = told(True, 100)
    assert text.count("\r") > 10
    assert text.endswith("\n") and text.count("\n") == 1
    assert "[#########################" in text and "recordings checked: 100 of 100 (100%)" in text


def test_elsewhere_there_are_a_few_whole_lines(told):
    text = told(False, 1000)
    assert "\r" not in text
    lines = text.splitlines()
    assert 2 < len(lines) < 8
    assert lines[0].startswith("recordings checked: ") and "1:" in lines[-1]
    assert "1,000 of 1,000 (100%)" in lines[-1]


def test_a_bar_that_is_left_half_way_ends_its_line(told):
    assert told(True, 100, stop_at=50).endswith("\n")
