"""Errors of the user, each with its exit code.

    TuneAsrError            1   bug of ours
    ├── ConfigError         2   wrong flag, config or search space
    │   ├── SettingError        values refused together, each valid alone
    │   └── DeviceError         no GPU, or one that this torch does not support
    ├── DataError           3   wrong manifest, transcript or recording
    │   ├── RulerError          other data on a node of the cluster
    │   └── InfeasibleError     transcripts too long for their output frames
    ├── TrialFailedError    4   trial failed for good
    ├── StorageError        5   unusable folder: taken, locked, full, damaged
    └── ClusterError        6   Ray unreachable or lost
        └── CardError           GPU lost in the middle, or filled by other programs

A message names the value, the rule and the place; a hint, on a line of its own, what the user can do.
All mistakes of a file are collected as `Problem`s and printed together. Nothing heavy is imported here.
"""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from textwrap import indent
from types import FrameType

from tune_asr.wording import printable


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake of the user."""

    place: str
    """`file:line: key.path`; empty if the mistake has no place."""
    what: str
    """The value and the rule that it breaks, in one sentence."""
    hint: str = ""
    """What the user can do about it, in the imperative. It is printed on a line of its own."""
    kind: str = ""
    """Class of problem for code that treats some differently; it is not printed."""

    def __str__(self) -> str:
        return f"{self.message}\n{indent(self.hint, '    ')}" if self.hint else self.message

    @property
    def message(self) -> str:
        """Place and sentence, without the hint."""
        return f"{self.place}: {self.what}" if self.place else self.what


class TuneAsrError(Exception):
    """Mistake of the user: ends the program without a traceback.

    Args:
        problems: one sentence, or every `Problem` that was found.
        hint: hint of `problems` if that is one sentence.
    """

    exit_code = 1

    def __init__(self, problems: str | Problem | Iterable[Problem], hint: str = "") -> None:
        if isinstance(problems, str):
            problems = Problem("", problems, hint)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)

    @property
    def cause(self) -> str:
        """Messages on one line, without hints, for the ledger."""
        return "; ".join(" ".join(problem.message.splitlines()) for problem in self.problems)


class ConfigError(TuneAsrError):
    """Wrong flag, configuration or search space."""

    exit_code = 2


class SettingError(ConfigError):
    """Values refused together by a class or the machine."""


class DeviceError(ConfigError):
    """GPU that is missing, or unsupported by this torch."""


class DataError(TuneAsrError):
    """Wrong manifest, transcript or recording."""

    exit_code = 3


class RulerError(DataError):
    """Data other than those of the search."""


class InfeasibleError(DataError):
    """Transcripts too long for the output frames of a setting."""


class TrialFailedError(TuneAsrError):
    """Trial failed for good: a retry would not help."""

    exit_code = 4


class StorageError(TuneAsrError):
    """Unusable folder: taken, locked, full, not writable or damaged."""

    exit_code = 5


class ClusterError(TuneAsrError):
    """Ray is unreachable at its address, or was lost."""

    exit_code = 6


class CardError(ClusterError):
    """GPU lost in the middle, or filled by other programs."""


ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""Signals that end a program of ours in order. The last is the warning of a batch system before the end of a job."""


_TOGETHER_SECONDS = 1.0
"""Signals that follow the first one so closely count as one: a batch system and a shell send several."""
_END_SECONDS = 10
"""Time for an orderly end, of which W&B may take four."""


def end_on_signals() -> None:
    """Turn Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 into an exception.

    A batch system sends SIGUSR1 some time before it ends a job. Every `finally` then runs, and the exit code is
    128 + the signal's number. A later signal ends the process at once, with that code too; so does an end that takes
    too long, since libraries may swallow the exception or hang after it.
    """
    code, began = 0, 0.0

    def give_up(_number: int, _frame: FrameType | None) -> None:
        os.write(2, b"interrupted\n")
        os._exit(code)

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal code, began
        if code:
            if time.monotonic() - began > _TOGETHER_SECONDS:
                os._exit(code)
            return
        code, began = 128 + number, time.monotonic()
        atexit.register(_ignore_signals)
        signal.signal(signal.SIGALRM, give_up)
        signal.alarm(_END_SECONDS)
        raise SystemExit(code)

    _handle_signals(end)


def end_at_once_on_signals(last_words: str) -> None:
    """End the process at a signal, without any clean-up.

    It is for the time before there is anything to clean up. An exception might come in the middle of an import, which
    not every library survives.

    Args:
        last_words: line for stderr.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        os.write(2, f"{last_words}\n".encode(errors="backslashreplace"))  # `print` may be interrupted in itself
        os._exit(128 + number)

    _handle_signals(end)


def _handle_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """Let no signal change the exit code while Python ends."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def exit_with(run: Callable[[], int]) -> int:
    """Run a command and return its exit code.

    The user's mistake gets its message and no traceback. Any other exception is a bug of ours: it is not caught, so
    Python shows the traceback and exits with 1.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 shows escapes.
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
    except SystemExit:  # the orderly end after a signal is over
        signal.alarm(0)
        raise
    except BrokenPipeError:
        # The reader of our output, e.g. `| head`, has closed it. The interpreter's last flush must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    return code
