"""Lines of a running search, one per event."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import datetime
from typing import Any, TextIO

from tune_asr.record.conclusion import stop_line
from tune_asr.record.events import Created, Decision, Ended, Event, Paused, Report, Resumed, Started, TrialEvent
from tune_asr.record.excess import excess_text
from tune_asr.record.finalists import last_round
from tune_asr.record.search_events import Stopped
from tune_asr.record.state import AT_RUNG, FINAL, SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.search import limits
from tune_asr.search.search import Search
from tune_asr.search.verdicts import Verdicts, make_verdicts
from tune_asr.space.horizon import plan_with
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
        self.num_trials, self.max_t = search.plan.num_trials, search.plan.last_epoch
        self.stream = stream or sys.stdout
        self._limits = search.plan.space.search.limits
        self._plan, self._rules = search.plan, dict[int, Verdicts]()
        self._best: Report | None = None
        self._epochs = self._ended_epochs = self._ended = 0
        self._seconds = 0.0
        self._begun: dict[str, Report] = {}  # the last report of each trial that has not ended
        for trial in state.trials.values():
            for report in trial.reports:
                self._count_report(report)
            if trial.status in FINAL:
                self._count_end(trial.number)

    def event(self, event: Event) -> None:
        """Print an event already in the ledger and the state."""
        self._count(event)
        self._print(event)

    def tick(self) -> None:
        """Do nothing: lines need no redrawing."""

    def close(self) -> None:
        """Do nothing: lines need no end."""

    def _count(self, event: Event) -> None:
        if isinstance(event, Report):
            self._count_report(event)
        elif isinstance(event, Ended):
            self._count_end(event.trial)

    def _print(self, event: Event) -> None:
        if isinstance(event, Stopped):
            self._line(stop_line(self.state, self.metric))
        elif isinstance(event, TrialEvent) and (text := self._text(event)):
            self._line(f"{event.trial}  {text}")

    def say(self, text: str) -> None:
        """Print a line about the search itself."""
        self._line(text)

    def _text(self, event: TrialEvent) -> str:
        match event:
            case Report():
                error = f"{'WER' if self.metric == 'val_wer' else 'CER'} {_percent(event, self.metric)}"
                epoch = f"epoch {event.epoch:3d}/{self._horizon(event.trial)}"
                return f"{epoch}  {error}  {event.seconds or 0:5.1f} s{self._outlook()}"
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
                return f"resumed   {_after(event.epoch)}{cause}{''.join(passed_over)}{warning}"
            case Started() if event.warning:
                return f"started   {_warning(event).strip()}"
            case Paused():
                retry = f": {printable(event.cause or '')} (retry {event.retry})" if event.retry else ""
                return f"paused    {_after(event.epoch)}{retry}"
            case Decision(limit=str(), verdict="continue"):
                return f"beyond    {excess_text(event)}: it goes on as the reference"
            case Ended(event="pruned" | "finished"):
                excess = self.state.trials[event.trial].excess if event.cause == limits.LIMIT else None
                why = f": {excess_text(excess)}" if excess else ""
                return f"{event.event:9} after epoch {self.state.trials[event.trial].epoch}{why}"
            case Ended():
                return f"{event.event:9} {printable(event.cause or '')}"
        return ""

    def _horizon(self, trial: str) -> int:
        return self.state.trials[trial].horizon or self.max_t

    def _outlook(self) -> str:
        best = self._best
        text = f"  best {_percent(best, self.metric)} ({best.trial})" if best else ""
        left = self._seconds_left()
        return f"{text}  left ~{estimate(left)}" if left is not None else text

    def _seconds_left(self) -> float | None:
        """Estimate the time left: epochs to come, over the slots.

        It is at least the time of the slowest trial that has begun. Short trials end first; so the plan's expectation
        counts as much as the first few trials that ended.
        """
        if not self._epochs:
            return None
        weight = 2 * self.slots
        foreseen = self._to_come(0, self.state.stages.now.horizon or self.max_t)
        expected = (weight * foreseen + self._ended_epochs) / (weight + self._ended)
        begun = [(self._ahead(report), report.seconds or 0.0) for report in self._begun.values()]
        to_begin = self._to_create + len(self.state.trials) - self._ended - len(begun)
        ahead = to_begin * expected + sum(epochs for epochs, _ in begun) + self._finalists_to_create * self.max_t
        slowest = max((epochs * seconds for epochs, seconds in begun), default=0.0)
        return max(ahead * self._seconds / self._epochs / self.slots, slowest)

    @property
    def _to_create(self) -> int:
        """Number of trials still to create."""
        stage = self.state.stages.now
        planned = self.state.plan.trials if self.state.plan else self.num_trials
        return 0 if stage.stopped else max(0, planned - len(stage.trials))

    @property
    def _finalists_to_create(self) -> int:
        """Number of finalists still to create."""
        wanted = self._plan.space.search.finalists
        return wanted.top * wanted.seeds if wanted and not last_round(self.state) else 0

    def _ahead(self, report: Report) -> float:
        """Return the expected epochs of a trial after a report; finalists end at the horizon."""
        horizon = self._horizon(report.trial)
        is_finalist = self.state.trials[report.trial].finalist_of is not None
        return horizon - report.epoch if is_finalist else self._to_come(report.epoch, horizon)

    def _to_come(self, epoch: int, horizon: int) -> float:
        """Return the expected epochs of a trial after `epoch`.

        Not all trials continue beyond a rung.
        """
        if horizon not in self._rules:
            self._rules[horizon] = make_verdicts(plan_with(self._plan, horizon), self.metric)
        planned = self.state.plan.trials if self.state.plan else self.num_trials
        shares = [self._rules[horizon].share_beyond(e, planned) for e in range(max(0, epoch - 1), horizon)]
        return sum(shares[1:] if epoch else shares) / shares[0] if shares else 0.0

    def _count_report(self, report: Report) -> None:
        self._epochs += 1
        self._seconds += report.seconds or 0.0
        self._begun[report.trial] = report
        if report.scores.get(self.metric) is None or self._is_beyond_limit(report):
            return
        if self._best is None or report.scores.order(self.metric) < self._best.scores.order(self.metric):
            self._best = report

    def _is_beyond_limit(self, report: Report) -> bool:
        """Return whether the trial of a report can never be the best."""
        trial = self.state.trials[report.trial]
        return trial.is_beyond_limit or limits.judge(self._limits, trial, report) is not None

    def _count_end(self, number: str) -> None:
        self._ended += 1
        self._ended_epochs += self.state.trials[number].epoch
        self._begun.pop(number, None)

    def _line(self, text: str) -> None:
        # The reader of the lines may be gone (`| head`): the search continues.
        with suppress(OSError, ValueError):
            print(f"{datetime.now():%H:%M:%S}  {printable_lines(text)}", file=self.stream, flush=True)


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
