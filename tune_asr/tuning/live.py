"""What a person at a terminal sees while a search runs: a table of the trials that is kept up to date in its place.

Lines about the search, and about trials that ended, stand above it and scroll away as they do without it. It is drawn
by the driver's own loop, at most once a second, without a thread. The cursor is left visible: a driver that is killed
could not bring it back.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tune_asr.errors import printable
from tune_asr.record.ranking import best_epoch, epoch_key
from tune_asr.record.state import FINAL, Trial
from tune_asr.record.terminal_table import percent, short_names, value_text
from tune_asr.tuning.progress import Progress, duration

_DRAW_SECONDS = 1.0
_IDLE_SECONDS = 5.0
_ROWS = 40
"""Trials that ended and are remembered as the best: no terminal shows more."""
_FRAME_ROWS = 6
"""Lines of the terminal that are not for trials: the heads, what stands below, a line above, the cursor's."""
_STYLES = {"diverged": "red", "failed": "red", "pruned": "dim", "paused": "yellow"}


def is_live_terminal(stream: TextIO) -> bool:
    """Whether a table can be redrawn on `stream`: it is a terminal, and one that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


class LiveProgress(Progress):
    """`Progress` as a table on a terminal; the same arguments, and `close` at the end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._console = Console(file=self.stream, markup=False, emoji=False, highlight=False, force_terminal=True)
        self._live: Live | None = None
        self._size = self._console.size
        self._began = time.monotonic() - self.state.wall_seconds
        self._drawn = self._changed = 0.0
        self._best_of_trial: dict[str, Mapping[str, Any]] = {}
        self._leading: list[str] = []
        for trial in self.state.trials.values():
            self._note(trial, best_epoch(trial, metric=self.metric))

    def event(self, event: Mapping[str, Any]) -> None:
        """Take note of an event; trials that ended, or had trouble, get a line above the table."""
        self._count(event)
        if event["event"] == "report":
            self._note(self.state.trials[event["trial"]], event)
        elif event["event"] not in ("created", "started", "decision"):
            self._tell(event)
        self._changed = time.monotonic()
        self.tick()

    def tick(self) -> None:
        """Draw the table if it is time to; called several times a second."""
        now = time.monotonic()
        wait = _DRAW_SECONDS if self._changed > self._drawn else _IDLE_SECONDS
        if now - self._drawn >= wait or self._console.size != self._size:
            self._drawn = now
            self._draw()

    def close(self) -> None:
        """Draw it for the last time and leave it there."""
        with suppress(OSError, ValueError):
            if self._live:
                self._live.update(self._table())
                self._live.stop()
        self._live = None

    def _draw(self) -> None:
        # A terminal that was closed ends nothing: the search goes on without.
        with suppress(OSError, ValueError):
            if self._live and self._console.size != self._size:
                # The lines of the old table have been wrapped anew, by the terminal: nobody knows where they begin.
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

    def _line(self, text: str) -> None:
        if self._live is None:
            super()._line(text)
            return
        with suppress(OSError, ValueError):
            self._console.print(Text(f"{datetime.now():%H:%M:%S}  {printable(text)}"), soft_wrap=True)

    def _note(self, trial: Trial, report: Mapping[str, Any] | None) -> None:
        """Remember a trial's best epoch, and which trials lead."""
        best = self._best_of_trial.get(trial.number)
        if report is None or report[self.metric] is None:
            return
        if best is None or epoch_key(report, self.metric) < epoch_key(best, self.metric):
            self._best_of_trial[trial.number] = report
            leading = dict.fromkeys([*self._leading, trial.number])
            self._leading = sorted(leading, key=lambda n: epoch_key(self._best_of_trial[n], self.metric))[:_ROWS]

    def _shown(self) -> list[Trial]:
        """The trials that are trained now, then the best of the others, as many as there is room for."""
        room = max(3, self._console.height - _FRAME_ROWS)
        now = [trial for trial in self.state.trials.values() if trial.status not in FINAL]
        numbers = {trial.number for trial in now}
        others = [self.state.trials[number] for number in self._leading if number not in numbers]
        return [*now, *others][:room]

    def _table(self) -> Group:
        shown = self._shown()
        searched, left_out = self._searched_columns(shown, self._console.width - sum(w + 2 for _, w in _FIXED))
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name, width in (*_FIXED, *searched):
            heading = name.format(error="WER" if self.metric == "val_wer" else "CER")
            table.add_column(heading, justify="right", no_wrap=True, min_width=width, overflow="crop")
        leader = self._leading[0] if self._leading else None
        for trial in shown:
            best, last = self._best_of_trial.get(trial.number), trial.reports[-1] if trial.reports else None
            cells = (
                *(trial.number, trial.status, f"{trial.epoch}/{self.max_t}"),
                *(percent(last, self.metric), percent(best, self.metric)),
                *(_cell(trial, key) for key in list(self._names(shown))[: len(searched)]),
            )
            table.add_row(*cells, style="bold green" if trial.number == leader else _STYLES.get(trial.status, ""))
        return Group(Text(), table, Text(self._summary(left_out), no_wrap=True, overflow="crop"))

    def _names(self, shown: Sequence[Trial]) -> dict[str, str]:
        keys = list(shown[0].params) if shown else []
        return dict(zip(keys, short_names(keys), strict=True))

    def _searched_columns(self, shown: Sequence[Trial], width: int) -> tuple[list[tuple[str, int]], int]:
        """The searched keys that fit into `width`, each with its own; and how many do not."""
        columns: list[tuple[str, int]] = []
        names = self._names(shown)
        for key, name in names.items():
            needed = max(len(name), *(len(_cell(trial, key)) for trial in shown))
            width -= needed + 2
            if width < -2:  # the last column needs no gap
                break
            columns.append((printable(name).replace("{", "{{").replace("}", "}}"), needed))
        return columns, len(names) - len(columns)

    def _summary(self, left_out: int) -> str:
        counts = {status: count for status, count in self.state.counts().items() if count}
        to_come = self.num_trials - len(self.state.trials)
        states = ", ".join(f"{count} {status}" for status, count in counts.items())
        more = f" (and {left_out} more keys)" if left_out else ""
        parts = [f"{duration(time.monotonic() - self._began)} so far"]
        if counts.get("running") and (left := self._seconds_left()) is not None:
            parts.append(f"left ~{duration(max(0.0, left - (time.monotonic() - self._changed)))}")
        if self._best:
            parts.append(f"best {percent(self._best, self.metric)} % (trial {self._best['trial']})")
        return f"{states or 'no trial yet'}, {to_come} to come{more}\n{', '.join(parts)}"


_FIXED = (("trial", 5), ("state", 8), ("epoch", 5), ("{error} %", 5), ("best %", 6))


def _cell(trial: Trial, key: str) -> str:
    text = value_text(trial.params.get(key))
    return text if len(text) <= 12 else f"{text[:9]}..."
