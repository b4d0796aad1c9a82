"""The errors a user can meet, each with its exit code.

    TuneAsrError            1   ours: please report it
    ├── ConfigError         2   a flag, a config or a search space is wrong
    │   └── SettingError        a class or the machine refuses values that are right each by itself
    ├── DataError           3   a manifest, a transcript or a recording is wrong
    │   ├── RulerError          a node of the cluster has other data
    │   └── InfeasibleError     transcripts do not fit into the frames that a setting leaves them
    ├── TrialFailedError    4   a trial failed for good
    ├── StorageError        5   a folder cannot be used: taken, locked, full, damaged
    └── ClusterError        6   Ray cannot be reached, or was lost

A message says what was given, the rule, the place and the way out. Where a file can hold several
mistakes, all of them are collected as `Problem`s and told at once. This module imports the standard library alone.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: its place (`file:line: key.path`), what was given against which rule, and the way out."""

    place: str
    what: str
    way_out: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.what}" if self.place else self.what
        return f"{text}\n    {self.way_out}" if self.way_out else text


class TuneAsrError(Exception):
    """A mistake that a person can mend: it ends the program with `exit_code` and without a traceback.

    Args:
        problems: one message, or every `Problem` that was found.
    """

    exit_code = 1

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem("", problems)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)


class ConfigError(TuneAsrError):
    """A flag, a configuration or a search space says something it may not say."""

    exit_code = 2


class SettingError(ConfigError):
    """Values that do not suit each other or the machine, or that a class refuses; another draw may do."""


class DataError(TuneAsrError):
    """A manifest, a transcript or a recording cannot be used as it is."""

    exit_code = 3


class RulerError(DataError):
    """A trial would be trained or measured on other data than the search began with: no fault of its setting."""


class InfeasibleError(DataError):
    """Transcripts do not fit into the frames that a setting leaves them; under another one they may."""


class TrialFailedError(TuneAsrError):
    """A trial cannot be trained to an end, and trying again would not help."""

    exit_code = 4


class StorageError(TuneAsrError):
    """A folder cannot be used: it is taken, locked, full, not writable or damaged."""

    exit_code = 5


class ClusterError(TuneAsrError):
    """No Ray answers at the address, or the Ray that did was lost."""

    exit_code = 6


def printable(text: str) -> str:
    """`text` on one line, with escapes for what a terminal would obey or cannot show. It may be anybody's."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def first_line(error: BaseException) -> str:
    """What another's error says, on one line; its name, where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def end_on_signals() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP end the program as an exception does: every `finally` runs, the code is 128+N."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asked for that
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def exit_with(run: Callable[[], int]) -> int:
    """Run a door, and turn how it ends into an exit code: a user's mistake gets its message and no traceback.

    What is no `TuneAsrError` is our bug: it is not caught, so Python shows its traceback and exits with 1.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that does not speak UTF-8 shows escapes for what it lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = run()
        sys.stdout.flush()
    except TuneAsrError as error:
        print("\n".join(map(printable, f"error: {error}".split("\n"))), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + 2
    except BrokenPipeError:
        # Whoever read our output has enough of it, e.g. `| head`. The interpreter's last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    return code
