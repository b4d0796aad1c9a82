"""How far a long look at many recordings has come, on stderr: a bar on a terminal, a line now and then elsewhere.

What is over before anybody would ask is not mentioned.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_SILENT_SECONDS = 2.0
_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_DRAWINGS = 0.2
_BAR = 30


def watched(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield `items`, of which there are `total`, and tell how many have passed; `what` is a plural, e.g. recordings."""
    terminal = sys.stderr.isatty()
    pause = _SECONDS_BETWEEN_DRAWINGS if terminal else _SECONDS_BETWEEN_LINES
    start = time.monotonic()
    due = start + _SILENT_SECONDS
    drawn = False
    try:
        for number, item in enumerate(items, start=1):
            yield item
            if (now := time.monotonic()) >= due:
                due, drawn = now + pause, True
                _draw(number, total, what, now - start, terminal)
        if drawn:
            _draw(total, total, what, time.monotonic() - start, terminal)
    finally:
        if drawn and terminal:
            print(file=sys.stderr, flush=True)


def _draw(number: int, total: int, what: str, seconds: float, terminal: bool) -> None:
    rest = seconds / number * (total - number)
    told = f"{what}: {number:,} of {total:,} ({number / total:.0%}), {_clock(seconds)} gone, {_clock(rest)} to go"
    if terminal:
        done = _BAR * number // total
        print(f"\r\x1b[K[{'#' * done}{'.' * (_BAR - done)}] {told}", end="", file=sys.stderr, flush=True)
    else:
        print(told, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
