"""Output of `train` on a terminal and in a pipe."""

import os
import re
import sys
import termios
import threading

EPOCH = re.compile(r"epoch +(\d+)/3 +[\d.]+ +[\d.]+ +[\d.]+% +[\d.]+% +\d\.\de-\d\d +\d+\.\d s(  best)?")


def screen(text):
    """Return the final lines of a terminal."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if piece == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif piece.endswith("A") and piece.startswith("\x1b"):
            row -= int(piece[2:-1] or 1)
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif not piece.startswith(("\x1b", "\r")):
            lines[row] += piece
    return lines


def terminal(monkeypatch, name="xterm"):
    """Make stderr a terminal of 80 columns.

    Returns:
        A function that closes it and returns everything written to it.
    """
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (40, 80))
    for variable in ("COLUMNS", "LINES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", name)
    stream = os.fdopen(slave, "w", encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", stream)
    written = bytearray()

    def read():
        try:
            while block := os.read(master, 1 << 16):
                written.extend(block)
        except OSError:  # the terminal was closed
            pass

    reader = threading.Thread(target=read)
    reader.start()

    def end():
        stream.close()
        reader.join()
        os.close(master)
        return written.decode()

    return end


def test_terminal_shows_bar(train, monkeypatch):
    end = terminal(monkeypatch)
    ended = train()
    written = end()
    assert re.search(r"epoch 2/3.*\d/7", written), "a bar"
    shown = screen(written)
    epochs = [EPOCH.fullmatch(line.rstrip()) for line in shown if line.startswith("epoch ")]
    assert [match and int(match[1]) for match in epochs] == [1, 2, 3]
    assert max(int(match[1]) for match in epochs if match[2]) == ended.best["epoch"]
    assert shown[shown.index(next(line for line in shown if line.startswith("best "))) - 1] == ""
    assert ended.out.count("\n") == 1


def test_pipe_gets_only_lines(train):
    ended = train()
    lines = [line for line in ended.err.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 3 and all(map(EPOCH.fullmatch, lines))
    assert not {"\r", "\x1b"} & set(ended.err)


def test_dumb_terminal_gets_only_lines(train, monkeypatch):
    end = terminal(monkeypatch, "dumb")
    train("trainer.max_epochs=1")
    written = end()
    assert "epoch   1/1" in written and "\x1b" not in written
