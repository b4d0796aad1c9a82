"""Table of a running search, redrawn on a terminal.

Lines about the search, and about trials that ended, are printed above it and scroll away. The driver's own loop draws
it, at most once a second and at 1 % of a CPU, without a thread. The cursor stays visible: a killed driver could not
restore it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

from tune_asr.record.events import Created, Event, Report
from tune_asr.record.ranking import best_epoch, keys_of, order
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, Trial
from tune_asr.search.progress import Progress, printable_lines
from tune_asr.search.search import Search
from tune_asr.wording import duration, estimate, percent, printable, setting_text, short_names, shortened

_DRAW_SECONDS = 1.0
_DRAW_SHARE = 0.01
"""Share of one CPU: the table is drawn less often if drawing takes longer."""
_IDLE_SECONDS = 5.0
_ROWS = 40
"""Ended trials remembered as the best; no terminal shows more."""
_FRAME_ROWS = 6
"""Lines of the terminal without a trial: heads, two lines below, one above, and the cursor's."""
_STYLES = {"diverged": "red", "failed": "red", "pruned": "dim", "paused": "yellow"}


class LiveProgress(Progress):
    """`Progress` as a table; `close` it at the end."""

    def __init__(self, search: Search, state: SearchState, slots: int, stream: TextIO | None = None) -> None:
        super().__init__(search, state, slots, stream)
        self._console = Console(file=self.stream, markup=False, emoji=False, highlight=False, force_terminal=True)
        self._live: Live | None = None
        self._size = self._console.size
        self._began = time.monotonic() - self.state.wall_seconds
        self._drawn = self._changed = self._cost = 0.0
        self._best_of_trial: dict[str, Report] = {}
        self._leading: list[str] = []
        for trial in self.state.trials.values():
            self._note(trial, best_epoch(trial, metric=self.metric))

    def event(self, event: Event) -> None:
        """Count an event; print a line for ends and troubles."""
        self._count(event)
        if isinstance(event, Report):
            self._note(self.state.trials[event.trial], event)
        elif not isinstance(event, Created):
            self._print(event)
        self._changed = time.monotonic()
        self.tick()

    def tick(self) -> None:
        """Draw the table if it is due."""
        now = time.monotonic()
        wait = max(_DRAW_SECONDS if self._changed > self._drawn else _IDLE_SECONDS, self._cost / _DRAW_SHARE)
        if now - self._drawn >= wait or self._console.size != self._size:
            began = time.thread_time()
            self._drawn = now
            self._draw()
            self._cost = time.thread_time() - began

    def close(self) -> None:
        """Draw the table for the last time."""
        with suppress(OSError, ValueError):
            if self._live:
                self._live.update(self._table())
                self._live.stop()
        self._live = None

    def _draw(self) -> None:
        # The search continues without a terminal that was closed.
        with suppress(OSError, ValueError):
            if self._live and self._console.size != self._size:
                # The terminal has wrapped the old table anew: its first line is unknown.
                self._live.stop()
                self._live = None
                self._console.clear()
            self._size = self._console.size
            if self._live is None:
                self._live = self._started()
            self._live.update(self._table(), refresh=True)

    def _started(self) -> Live:
        live = Live(console=self._console, auto_refresh=False, redirect_stderr=sys.stderr.isatty())
        live.start()
        self._console.show_cursor(True)
        return live

    def say(self, text: str) -> None:
        """Print a line above the table."""
        if self._live is None:
            super().say(text)
            return
        with suppress(OSError, ValueError):
            self._console.print(Text(f"{datetime.now():%H:%M:%S}  {printable_lines(text)}"), soft_wrap=True)

    def _note(self, trial: Trial, report: Report | None) -> None:
        """Remember a trial's best epoch, and the leading trials."""
        best = self._best_of_trial.get(trial.number)
        if report is None or report.scores.get(self.metric) is None:
            return
        if best is None or order(report, self.metric) < order(best, self.metric):
            self._best_of_trial[trial.number] = report
            if self._is_beyond_limit(report):
                return
            leading = dict.fromkeys([*self._leading, trial.number])
            self._leading = sorted(leading, key=lambda n: order(self._best_of_trial[n], self.metric))[:_ROWS]

    def _shown(self) -> list[Trial]:
        """Return running trials, then the best others, to fit."""
        room = max(3, self._console.height - _FRAME_ROWS)
        now = [trial for trial in self.state.trials.values() if trial.status not in FINAL]
        numbers = {trial.number for trial in now}
        others = [self.state.trials[number] for number in self._leading if number not in numbers]
        return [*now, *others][:room]

    def _table(self) -> Text:
        """Return the table, one line per trial.

        It is not rich's own: measuring its cells would take most of the allowed time.
        """
        shown = self._shown()
        columns, left_out = self._columns(shown)
        widths = [max(map(cell_len, column)) for column in columns]
        leader = self._leading[0] if self._leading else None
        styles = ["bold", *("bold green" if t.number == leader else _STYLES.get(t.status, "") for t in shown)]
        table = Text("\n", no_wrap=True, overflow="crop", end="")
        for cells, style in zip(zip(*columns, strict=True), styles, strict=True):
            line = "  ".join(_right(cell, width) for cell, width in zip(cells, widths, strict=True))
            table.append(_cut(line, self._console.width) + "\n", style)
        lines = self._summary(left_out).split("\n")
        return table.append("\n".join(_cut(line, self._console.width) for line in lines))

    def _columns(self, shown: Sequence[Trial]) -> tuple[list[list[str]], int]:
        """Return fitting columns, and the number of omitted keys."""
        best = [self._best_of_trial.get(trial.number) for trial in shown]
        last = [trial.reports[-1] if trial.reports else None for trial in shown]
        error = "WER %" if self.metric == "val_wer" else "CER %"
        columns = [
            ["trial", *(trial.number for trial in shown)],
            ["   state", *(trial.status for trial in shown)],
            ["epoch", *(f"{trial.epoch}/{self._horizon(trial.number)}" for trial in shown)],
            [error, *(percent(report.scores.get(self.metric) if report else None) for report in last)],
            ["best %", *(percent(report.scores.get(self.metric) if report else None) for report in best)],
        ]
        if self.state.address not in (None, "local"):
            nodes = (printable(t.hosts[-1]) if t.hosts and t.status == "running" else "" for t in shown)
            columns.insert(2, ["node", *nodes])
        room = self._console.width - sum(max(map(cell_len, column)) + 2 for column in columns)
        keys = keys_of(shown)
        for taken, (key, name) in enumerate(zip(keys, short_names(keys), strict=True)):
            column = [printable(name), *(shortened(setting_text(trial.params, key), 12) for trial in shown)]
            room -= max(map(cell_len, column)) + 2
            if room < -2:  # the last column needs no gap
                return columns, len(keys) - taken
            columns.append(column)
        return columns, 0

    def _summary(self, left_out: int) -> str:
        counts = {status: count for status, count in self.state.counts().items() if count}
        states = ", ".join(f"{count} {status}" for status, count in counts.items())
        more = f" (and {left_out} more keys)" if left_out else ""
        parts = [f"{duration(time.monotonic() - self._began)} so far"]
        if counts.get("running") and (left := self._outlook.seconds_left()) is not None:
            parts.append(f"left ~{estimate(max(0.0, left - (time.monotonic() - self._changed)))}")
        if self.best:
            parts.append(f"best {percent(self.best.scores.get(self.metric))} % (trial {self.best.trial})")
        return f"{states or 'no trial yet'}, {self._to_create} to come{more}\n{', '.join(parts)}"


def _cut(line: str, width: int) -> str:
    return line if cell_len(line) <= width else set_cell_size(line, width)


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
