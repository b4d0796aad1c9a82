"""Gauges of a running search, for Prometheus by way of Ray.

Ray's agents export them on the metrics port of each node, with the prefix `ray_`. Labels are the name of the search and
the state of trials: a search of thousands of trials makes a dozen series. `configs/cluster/` has the settings of
Prometheus and a dashboard for Grafana.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ray.util.metrics import Gauge

from tune_asr.record.events import Event, Report
from tune_asr.record.state import SearchState
from tune_asr.wording import first_line

SECONDS = 5.0
"""Time between two settings; Ray exports every 10 s."""
DESCRIPTIONS: Mapping[str, str] = {
    "best_wer": "Validation WER of the best epoch so far, as a fraction.",
    "best_cer": "Validation CER of the best epoch so far, as a fraction.",
    "trials": "Trials by state.",
    "epochs": "Epochs trained so far, over all trials.",
    "slots": "Trials that can run at once.",
    "busy_slots": "Trials that run.",
    "audio_hours_per_second": "Hours of training audio that all running trials read in a second, by their last epochs.",
    "report_age_seconds": "Seconds since the last report of an epoch, or since the start of the driver.",
    "last_report_timestamp_seconds": "Time of the last report of an epoch, or of the start of the driver.",
}
"""Gauges by name, without the prefix `tune_asr_`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Value of one gauge."""

    name: str
    value: float
    state: str = ""
    """State of the counted trials, for the gauge of trials alone."""


def readings(state: SearchState, slots: int, best: Report | None, audio_seconds: float | None) -> Iterator[Reading]:
    """Yield the gauges but for the age of a report.

    Args:
        state: state of the search.
        slots: number of trials at once.
        best: best epoch so far.
        audio_seconds: length of the training data; None if it is not known.
    """
    rates = {"best_wer": best.scores.val_wer, "best_cer": best.scores.val_cer} if best else {}
    yield from (Reading(name, rate) for name, rate in rates.items() if rate is not None)
    counts = state.counts()
    for status, number in counts.items():
        yield Reading("trials", number, status)
    yield Reading("epochs", state.epochs)
    yield Reading("slots", slots)
    yield Reading("busy_slots", counts["running"])
    if audio_seconds is not None:
        running = (trial.reports[-1] for trial in state.trials.values() if trial.status == "running" and trial.reports)
        speeds = (audio_seconds / 3600 / report.seconds for report in running if report.seconds)
        yield Reading("audio_hours_per_second", sum(speeds))


def label(text: str) -> str:
    """Return the value of a label; Ray takes ASCII alone."""
    return text.encode("ascii", "backslashreplace").decode()


class Gauges:
    """Listener of a search that sets its gauges.

    A failure turns them off: a search never ends because of them.

    Args:
        search: name of the search.
        read: function that returns the gauges but for the age.
        say: function that prints a line about the search.
    """

    def __init__(self, search: str, read: Callable[[], Iterator[Reading]], say: Callable[[str], None]) -> None:
        self._read, self._say = read, say
        self._search = label(search)
        self._gauges: dict[str, Gauge] | None = None
        self._is_off = False
        self._set_at = 0.0
        self._reported_at = time.time()

    def event(self, event: Event) -> None:
        """Note the time of a report."""
        if isinstance(event, Report):
            self._reported_at = time.time()

    def tick(self) -> None:
        """Set all gauges if it is time."""
        if self._is_off or time.monotonic() - self._set_at < SECONDS:
            return
        self._set_at = time.monotonic()
        try:
            self._set()
        except Exception as error:  # an older or later Ray, or one without metrics
            self._is_off = True
            self._say(f"no gauges for Prometheus: {first_line(error)}")

    def _set(self) -> None:
        if self._gauges is None:
            self._gauges = {
                name: Gauge(f"tune_asr_{name}", text, ("search", *(("state",) if name == "trials" else ())))
                for name, text in DESCRIPTIONS.items()
            }
        age = max(0.0, time.time() - self._reported_at)
        ages = (Reading("report_age_seconds", age), Reading("last_report_timestamp_seconds", self._reported_at))
        for reading in (*self._read(), *ages):
            state = {"state": reading.state} if reading.state else {}
            self._gauges[reading.name].set(float(reading.value), {"search": self._search, **state})
