"""What a person sees while a search runs: a line an event, with the best so far and the time left."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TextIO

from tune_asr.record.ranking import Metric, epoch_key
from tune_asr.record.state import FINAL, SearchState

_ENDS = {"finished": "finished", "pruned": "pruned", "diverged": "diverged", "failed": "failed"}


class Progress:
    """Prints events as they happen. Tell it the state before the first event.

    Args:
        state: of the search; read, never changed.
        num_trials: of the plan.
        max_t: epochs of a full training.
        slots: trials at once.
        metric: what the winner is chosen by.
        stream: where lines go.
    """

    def __init__(
        self,
        state: SearchState,
        *,
        num_trials: int,
        max_t: int,
        slots: int,
        metric: Metric,
        stream: TextIO | None = None,
    ) -> None:
        self.state = state
        self.num_trials, self.max_t, self.slots, self.metric = num_trials, max_t, slots, metric
        self.stream = stream or sys.stdout
        self._best: dict[str, Any] | None = None
        self._epochs_ended = self._trials_ended = self._epochs_open = 0
        for trial in state.trials.values():
            for report in trial.reports:
                self._see(report)
        self._recount()

    def event(self, event: Mapping[str, Any]) -> None:
        """One event, just written to the ledger."""
        name = event["event"]
        if name == "report":
            self._see(event)
        self._recount()
        if text := self._text(event):
            self._line(f"{event['trial']}  {text}")

    def say(self, text: str) -> None:
        """A line about the search itself."""
        self._line(text)

    def _text(self, event: Mapping[str, Any]) -> str:
        name = event["event"]
        if name == "report":
            error = f"{'WER' if self.metric == 'val_wer' else 'CER'} {_percent(event[self.metric])}"
            return f"epoch {event['epoch']:3d}/{self.max_t}  {error}  {event['seconds']:5.1f} s{self._outlook()}"
        if name == "created":
            return "new       " + "  ".join(
                f"{key.rpartition('.')[2]}={_short(v)}" for key, v in event["params"].items()
            )
        if name == "resumed":
            damaged = "".join(f"\n          damaged, passed over: {line}" for line in event.get("damaged", ()))
            return f"resumed   after epoch {event['epoch']}: {event['cause']}{damaged}"
        if name == "paused":
            retry = f": {event['cause']} (retry {event['retry']})" if "retry" in event else ""
            return f"paused    after epoch {event['epoch']}{retry}"
        if name in ("pruned", "finished"):
            return f"{name:9} after epoch {self.state.trials[event['trial']].epoch}"
        if name in _ENDS:
            return f"{name:9} {event['cause']}"
        return ""

    def _outlook(self) -> str:
        best = self._best
        text = f"  best {_percent(best[self.metric])} ({best['trial']})" if best else ""
        left = self._seconds_left()
        return f"{text}  left ~{_duration(left)}" if left is not None else text

    def _seconds_left(self) -> float | None:
        """Epochs still to come over the slots, taking trials to come for as long as those that have ended."""
        if not self.state.epochs:
            return None
        seconds_an_epoch = self.state.seconds / self.state.epochs
        expected = self._epochs_ended / self._trials_ended if self._trials_ended else self.max_t
        ahead = (self.num_trials - self._trials_ended) * expected - self._epochs_open
        return max(ahead, 0.0) * seconds_an_epoch / self.slots

    def _see(self, report: Mapping[str, Any]) -> None:
        if report[self.metric] is None:
            return
        if self._best is None or epoch_key(report, self.metric)[:3] < epoch_key(self._best, self.metric)[:3]:
            self._best = dict(report)

    def _recount(self) -> None:
        ended = [trial for trial in self.state.trials.values() if trial.status in FINAL]
        self._trials_ended = len(ended)
        self._epochs_ended = sum(trial.epoch for trial in ended)
        self._epochs_open = self.state.epochs - self._epochs_ended

    def _line(self, text: str) -> None:
        print(f"{datetime.now():%H:%M:%S}  {text}", file=self.stream, flush=True)


def _percent(value: float | None) -> str:
    return "   -   " if value is None else f"{value:7.2%}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d}" if hours else f"{minutes} min" if minutes >= 2 else f"{minutes * 60 + rest} s"
