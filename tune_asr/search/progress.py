"""Lines of a running search, one per event."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import datetime
from typing import Any, TextIO

from tune_asr.record.conclusion import stop_line
from tune_asr.record.events import Created, Decision, Ended, Event, Paused, Report, Resumed, Started, TrialEvent
from tune_asr.record.front import excess_text
from tune_asr.record.search_events import Closing, Stopped
from tune_asr.record.state import SearchState
from tune_asr.record.trial import AT_RUNG, OUT_OF_TIME
from tune_asr.scoring.metric import Metric
from tune_asr.search import limits
from tune_asr.search.extent import trials_to_create
from tune_asr.search.outlook import Outlook
from tune_asr.search.search import Search
from tune_asr.wording import estimate, percent, printable


class Progress:
    """Printer of events, with best trial and time left.

    It counts as it goes: a search of many thousand trials prints as fast as the first one.

    Args:
        search: plan and metric.
        state: state of the search so far; only read.
        slots: number of trials at once.
        stream: stream for the lines, by default stdout.
    """

    def __init__(self, search: Search, state: SearchState, slots: int, stream: TextIO | None = None) -> None:
        self.state, self.slots, self.metric = state, slots, search.metric
        self._plan, self.max_t = search.plan, search.plan.last_epoch
        self.stream = stream or sys.stdout
        self._limits = search.plan.space.search.limits
        self._outlook = Outlook(search.plan, state, slots)
        self.best: Report | None = None
        """Best epoch so far."""
        for trial in state.trials.values():
            for report in trial.reports:
                self._count(report)

    def event(self, event: Event) -> None:
        """Print an event already in the ledger and the state."""
        self._count(event)
        self._print(event)

    def say(self, text: str) -> None:
        """Print a line of the search."""
        # The reader of the lines may be gone (`| head`): the search continues.
        with suppress(OSError, ValueError):
            print(f"{datetime.now():%H:%M:%S}  {printable_lines(text)}", file=self.stream, flush=True)

    def tick(self) -> None:
        """Do nothing: lines need no redrawing."""

    def close(self) -> None:
        """Do nothing: lines need no end."""

    def _print(self, event: Event) -> None:
        if isinstance(event, Stopped):
            self.say(stop_line(self.state, self.metric))
        elif isinstance(event, Closing):
            self.say(f"no more trials begin: {printable(event.cause)}")
        elif isinstance(event, TrialEvent) and (text := self._text(event)):
            self.say(f"{event.trial}  {text}")

    def _text(self, event: TrialEvent) -> str:
        match event:
            case Report():
                error = f"{'WER' if self.metric == 'val_wer' else 'CER'} {_percent(event, self.metric)}"
                epoch = f"epoch {event.epoch:3d}/{self._horizon(event.trial)}"
                return f"{epoch}  {error}  {event.seconds or 0:5.1f} s{self._prospect()}"
            case Created(finalist_of=str(of)):
                return f"finalist  setting of {of}, seed {event.seed}"
            case Created(continues_setting_of=str(of)):
                return f"longer    setting of {of}"
            case Created():
                return "new       " + "  ".join(f"{k.rpartition('.')[2]}={_short(v)}" for k, v in event.params.items())
            case Resumed():
                passed_over = (f"\n          damaged, passed over: {printable(line)}" for line in event.damaged or ())
                cause = "" if event.cause == AT_RUNG else f": {printable(event.cause or '')}"
                warning = "" if event.cause == AT_RUNG else _warning(event)  # the trial's start has shown it
                place = self._place(event)
                return f"resumed   {_after(event.epoch)}{place}{cause}{''.join(passed_over)}{warning}"
            case Started():
                shown = f"{self._place(event).lstrip()}{_warning(event)}".strip()
                return f"started   {shown}" if shown else ""
            case Paused():
                cause = "" if event.cause in (None, AT_RUNG, OUT_OF_TIME) else f": {printable(event.cause)}"
                retry = f" (retry {event.retry})" if event.retry else ""
                return f"paused    {_after(event.epoch)}{cause}{retry}"
            case Decision(limit=str(), verdict="continue"):
                return f"beyond    {excess_text(event)}: it goes on as the reference"
            case Ended(event="pruned" | "finished"):
                excess = self.state.trials[event.trial].excess if event.cause == limits.LIMIT else None
                why = f": {excess_text(excess)}" if excess else ""
                return f"{event.event:9} after epoch {self.state.trials[event.trial].epoch}{why}"
            case Ended():
                return f"{event.event:9} {printable(event.cause or '')}"
        return ""

    def _place(self, event: Started | Resumed) -> str:
        """Return the process of a trial, on a cluster alone."""
        host, _, pid = (event.process or "").rpartition(":")
        return f" on {printable(host)} (pid {pid})" if host and self.state.address not in (None, "local") else ""

    def _horizon(self, trial: str) -> int:
        return self.state.trials[trial].horizon or self.max_t

    @property
    def _to_create(self) -> int:
        """Number of trials still to create."""
        return 0 if self.state.closing else trials_to_create(self._plan, self.state)

    def _prospect(self) -> str:
        best = self.best
        text = f"  best {_percent(best, self.metric)} ({best.trial})" if best else ""
        left = self._outlook.seconds_left()
        return f"{text}  left ~{estimate(left)}" if left is not None else text

    def _count(self, event: Event) -> None:
        """Remember the best epoch."""
        if not isinstance(event, Report) or event.scores.get(self.metric) is None or self._is_beyond_limit(event):
            return
        if self.best is None or event.scores.order(self.metric) < self.best.scores.order(self.metric):
            self.best = event

    def _is_beyond_limit(self, report: Report) -> bool:
        """Return whether the trial can never be the best."""
        trial = self.state.trials[report.trial]
        return trial.is_beyond_limit or limits.judge(self._limits, trial, report) is not None


def printable_lines(text: str) -> str:
    """Make each line of `text` printable; keep its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _after(epoch: int | None) -> str:
    return f"after epoch {epoch}" if epoch else "before its first epoch"


def _warning(event: Started | Resumed) -> str:
    return f"\n          warning: {printable(event.warning)}" if event.warning else ""


def _percent(report: Report, metric: Metric) -> str:
    return f"{percent(report.scores.get(metric)) or '-':>5} %"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
