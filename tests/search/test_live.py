"""Live table on a pseudo-terminal with an emulator."""

import fcntl
import os
import pty
import re
import struct
import termios
from contextlib import suppress

import pytest

from tests.ledgers import event, planned
from tune_asr.record.state import SearchState
from tune_asr.search import live_table as live
from tune_asr.search.live_table import LiveProgress
from tune_asr.wording import is_live_terminal

_CODES = re.compile(r"\x1b\[(\?25[lh]|[0-9;]*[mAKJH])|([\r\n])|([^\x1b\r\n]+)")


class Screen:
    """Emulator of the few control sequences in use; colours are dropped."""

    def __init__(self):
        self.lines, self.row, self.column, self.cursor = [""], 0, 0, True

    def feed(self, text):
        position = 0
        while position < len(text):
            code = _CODES.match(text, position)
            assert code, repr(text[position : position + 20])
            position = code.end()
            if code[3]:
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + code[3] + line[self.column + len(code[3]) :]
                self.column += len(code[3])
            elif code[2]:
                self.column = 0
                self.row += code[2] == "\n"
                self.lines += [""] * (self.row + 1 - len(self.lines))
            elif code[1].endswith("A"):
                self.row = max(0, self.row - int(code[1][:-1] or 1))
            elif code[1].endswith("K"):
                self.lines[self.row] = ""
            elif code[1].endswith("J"):
                self.lines = [""] * len(self.lines)
            elif code[1].endswith("H"):
                self.row = self.column = 0
            elif code[1].startswith("?25"):
                self.cursor = code[1].endswith("h")


class Terminal:
    """Pseudo-terminal of a given size, and its screen."""

    def __init__(self, columns, rows=24):
        self.master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w", encoding="utf-8")
        self.screen, self.widest = Screen(), 0
        self.resize(columns, rows)

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def seen(self):
        self.stream.flush()
        os.set_blocking(self.master, False)
        data = b""
        try:
            while chunk := os.read(self.master, 65536):
                data += chunk
        except BlockingIOError:
            pass
        self.screen.feed(data.decode())
        return self.screen.lines


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(live, "_DRAW_SECONDS", 0.0)
    monkeypatch.setattr(live, "_DRAW_SHARE", 1e9)
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    opened = []

    def terminal(columns, rows=24):
        opened.append(Terminal(columns, rows))
        # rich asks the standard streams for the size.
        monkeypatch.setattr("rich.console._STD_STREAMS", (opened[-1].stream.fileno(),))
        return opened[-1]

    yield terminal
    for each in opened:
        with suppress(OSError):  # what it had to say to a terminal that was closed
            each.stream.close()
        os.close(each.master)


PARAMS = {"optimizer.lr": 0.00123, "model.dropout": 0.1} | {f"model.key_number_{n}": n for n in range(9)}


def created(trial):
    return event("created", trial=trial, params=PARAMS)


def report(trial, epoch, wer):
    scores = dict.fromkeys(("val_wer", "val_cer", "val_loss"), wer)
    return event("report", trial=trial, epoch=epoch, seconds=10.0, **scores)


EVENTS = [
    created("00000"),
    event("started"),
    report("00000", 1, 0.9),
    report("00000", 2, 0.5),
    report("00000", 3, 0.6),
    created("00001"),
    event("started", trial="00001"),
    report("00001", 1, 0.95),
    event("pruned", trial="00001", epoch=1),
]


def shown(terminal, events=EVENTS):
    state = SearchState()
    progress = LiveProgress(planned(num_trials=4), state, slots=2, stream=terminal.stream)
    for each in events:
        state.apply(each)
        progress.event(each)
        terminal.seen()  # a terminal that nobody reads takes no more
    return progress


def test_table_shows_trials_and_time_left(terminal):
    screen = terminal(80)
    shown(screen)
    lines = screen.seen()
    (heads,) = (k for k, line in enumerate(lines) if line.startswith("trial"))
    assert lines[heads].split()[:9] == ["trial", "state", "epoch", "WER", "%", "best", "%", "lr", "dropout"]
    assert lines[heads + 1].split()[:7] == ["00000", "running", "3/27", "60.0", "50.0", "0.00123", "0.1"]
    assert lines[heads + 2].split()[:7] == ["00001", "pruned", "1/27", "95.0", "95.0", "0.00123", "0.1"]
    assert lines[heads + 3].startswith("1 running, 1 pruned, 2 to come (and ")
    assert "left ~" in lines[heads + 4]
    assert lines[heads + 4].endswith("best 50.0 % (trial 00000)")
    assert [line for line in lines[:heads] if line][-1].endswith("00001  pruned    after epoch 1")


def test_table_names_nodes_of_a_cluster(terminal):
    screen = terminal(80)
    known = event("started", process="node-1:12")
    unknown = event("started", trial="00001")  # process is optional
    shown(screen, [event("search_started", address="auto"), created("00000"), known, created("00001"), unknown])
    lines = screen.seen()
    (heads,) = (k for k, line in enumerate(lines) if line.startswith("trial"))
    assert lines[heads].split()[:4] == ["trial", "state", "node", "epoch"]
    assert lines[heads + 1].split()[:3] == ["00000", "running", "node-1"]
    assert lines[heads + 2].split()[:2] == ["00001", "running"]


def test_troubles_are_printed_above_table(terminal):
    screen = terminal(80)
    shown(screen, [created("00000"), event("started"), created("00001")])
    assert not [line for line in screen.seen() if "started" in line]
    shown(screen, [created("00000"), event("started", warning="W&B is not installed")])
    assert [line for line in screen.seen() if line.endswith("started   warning: W&B is not installed")]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_table_fits_width_and_stands_once(terminal, columns):
    screen = terminal(columns)
    shown(screen)
    table = [line for line in screen.seen() if "pruned    after" not in line]
    assert max(map(len, table)) <= columns
    assert sum(line.startswith("trial") for line in table) == 1
    if columns == 200:
        assert "key_number_8" in "".join(table)


def test_table_fits_height(terminal):
    screen = terminal(80, rows=12)
    events = [each for n in range(30) for each in (created(f"{n:05d}"), report(f"{n:05d}", 1, 0.5 + n / 100))]
    events += [event("finished", trial=f"{n:05d}") for n in range(29)]
    shown(screen, events)
    lines = screen.seen()
    table = lines[next(k for k, line in enumerate(lines) if line.startswith("trial")) :]
    assert len(table) <= 12
    assert [line.split()[0] for line in table[1:4]] == ["00029", "00000", "00001"], "what runs, then the best"


def test_resize_redraws_the_table(terminal):
    screen = terminal(160)
    progress = shown(screen)
    screen.seen()
    screen.resize(60)
    progress.tick()
    lines = screen.seen()
    assert sum(line.startswith("trial") for line in lines) == 1
    assert max(map(len, lines)) <= 60


def test_last_table_stays_below_lines(terminal):
    screen = terminal(80)
    progress = shown(screen)
    progress.say("interrupted; go on with: " + "x" * 100)
    progress.close()
    lines = screen.seen()
    assert "interrupted" in "".join(lines[: lines.index(next(line for line in lines if line.startswith("trial")))])
    assert sum(line.startswith("trial") for line in lines) == 1
    assert lines[-1] == ""
    assert screen.screen.cursor, "the cursor is back"


def test_cursor_stays_visible(terminal):
    screen = terminal(80)
    shown(screen)
    screen.seen()
    assert screen.screen.cursor


def test_closed_terminal_is_ignored(terminal):
    screen = terminal(80)
    progress = shown(screen)
    os.close(screen.master)
    screen.master = os.open(os.devnull, os.O_RDONLY)
    progress.event(report("00000", 4, 0.1))
    progress.say("more")
    progress.close()


def test_hostile_values_are_escaped(terminal):
    screen = terminal(80)
    hostile = event("created", params={"a.[red]b{x}": "[bold]\x1b[2J"})
    shown(screen, [hostile, report("00000", 1, 0.5)])
    text = "\n".join(screen.seen())
    assert "[red]b{x}" in text
    assert "[bold]" in text


@pytest.mark.parametrize(("term", "live"), [("xterm-256color", True), ("dumb", False), ("", False), ("unknown", False)])
def test_table_needs_movable_cursor(terminal, monkeypatch, tmp_path, term, live):
    monkeypatch.setenv("TERM", term)
    assert is_live_terminal(terminal(80).stream) == live
    with (tmp_path / "lines").open("w") as file:
        assert not is_live_terminal(file)
