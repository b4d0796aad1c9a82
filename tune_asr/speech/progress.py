"""Progress of a long loop on stderr.

A terminal gets a bar; a log, or a terminal without a movable cursor, a line now and then. Short loops print nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from tune_asr.wording import is_live_terminal

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

_SILENT_SECONDS = 2.0
_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_DRAWINGS = 0.2


def watched(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield `items` and show the progress.

    Args:
        items: items to pass through.
        total: number of items.
        what: plural for them, e.g. "recordings checked".
    """
    shown = _bar if is_live_terminal(sys.stderr) else _lines
    return shown(items, total, what)


def _bar(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    start = due = time.monotonic()
    due += _SILENT_SECONDS
    progress = None
    number = 0
    try:
        for number, item in enumerate(items, start=1):
            yield item
            if (now := time.monotonic()) >= due:
                due = now + _SECONDS_BETWEEN_DRAWINGS
                progress = progress or _started(total, what, start)
                progress.update(progress.task_ids[0], completed=number, refresh=True)
    finally:
        if progress:
            progress.update(progress.task_ids[0], completed=number, refresh=True)
            progress.stop()


def _started(total: int, what: str, start: float) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    numbers = "{task.completed:,.0f} of {task.total:,.0f} ({task.percentage:.0f}%)"
    columns = ("{task.description}", BarColumn(None), numbers, TimeElapsedColumn(), "gone,", TimeRemainingColumn())
    # Without the thread of automatic refreshes: worker processes may be forked in the loop.
    progress = Progress(
        *columns,
        TextColumn("to go"),
        console=Console(file=sys.stderr),
        auto_refresh=False,
        expand=True,
        get_time=time.monotonic,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    progress.add_task(what, total=total)
    progress.tasks[0].start_time = start
    progress.start()
    return progress


def _lines(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    start = time.monotonic()
    due = start + _SILENT_SECONDS
    printed = False
    for number, item in enumerate(items, start=1):
        yield item
        if (now := time.monotonic()) >= due:
            due, printed = now + _SECONDS_BETWEEN_LINES, True
            _print(number, total, what, now - start)
    if printed:
        _print(total, total, what, time.monotonic() - start)


def _print(number: int, total: int, what: str, seconds: float) -> None:
    left = seconds / number * (total - number)
    done = f"{number:,} of {total:,} ({number / total:.0%})"
    print(f"{what}: {done}, {_clock(seconds)} gone, {_clock(left)} to go", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
