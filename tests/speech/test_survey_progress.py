"""Progress passes all items, and is shown in long loops."""

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
def written(monkeypatch):
    """Output of `watched` under a clock of 0.1 s a look."""

    def run(terminal, count, stop_at=None, term="xterm"):
        stream, now = Stream(terminal), iter(range(10**6))
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(now) / 10)
        passed = []
        for item in watched(iter(range(count)), count, "recordings checked"):
            passed.append(item)
            if item == stop_at:
                break
        assert passed == list(range(count))[: None if stop_at is None else stop_at + 1]
        return stream.getvalue()

    return run


def test_short_loop_prints_nothing(written):
    assert written(True, 15) == written(False, 15) == ""


def test_terminal_gets_a_full_bar(written):
    text = written(True, 100)
    assert text.count("\r") > 10
    assert text.count("\n") == 1
    last = text[text.rindex("recordings checked") :]
    assert "━" * 30 in last and "100 of 100 (100%)" in last and "gone" in last


def test_log_gets_a_few_lines(written):
    text = written(False, 1000)
    assert "\r" not in text
    lines = text.splitlines()
    assert 2 < len(lines) < 8
    assert lines[0].startswith("recordings checked: ") and "1:" in lines[-1]
    assert "1,000 of 1,000 (100%)" in lines[-1]


def test_terminal_without_cursor_gets_lines(written):
    """As in an editor's shell: a bar could not be drawn over itself there."""
    assert written(True, 1000, term="dumb") == written(False, 1000)


def test_abandoned_bar_ends_its_line(written):
    text = written(True, 100, stop_at=50)
    assert text.rstrip("\x1b[?25h\r").endswith("\n")
    assert "51 of 100 (51%)" in text
