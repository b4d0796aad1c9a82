"""How much of the slots' time goes into training and validation."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.searches import Event, run_search, when
from tests.benchmarks.table import Row, cores

EPOCHS = 24
TRIALS_PER_SLOT = 4
PAUSING: dict[str, object] = {
    "param_space": {"optimizer.lr": {"loguniform": [3.0e-4, 3.0e-2]}, "model.dropout": {"uniform": [0.0, 0.3]}},
    "over": {"trainer.max_epochs": 9, "data.num_train": 1_152},
    "search": {"num_samples": 16},
}
"""Epochs of some seconds, as of minutes of recorded speech; the trials pause at epochs 3 and 6."""


def measure() -> list[Row]:
    """Whole trials of about 20 s of the shipped configuration, and short ones that pause at rungs."""
    whole = run_search(
        {
            "param_space": {},
            "over": {"trainer.max_epochs": EPOCHS},
            "search": {"num_samples": TRIALS_PER_SLOT * cores()},
            "asha": {"grace_period": EPOCHS},
        }
    ).events
    lengths = [trial_seconds(whole, event["trial"]) for event in whole if event["event"] == "created"]
    pausing = run_search(PAUSING).events
    begin, last_new, end = window(pausing)
    return [
        Row(
            claim="training over slots x time, whole trials",
            value=use(whole, *window(whole)[:2]),
            unit="",
            at_least=0.95,
        ),
        Row(claim=f"length of these trials, median of {len(lengths)}", value=median(lengths)),
        Row(claim="the same with pauses at rungs", value=use(pausing, begin, last_new), unit="", at_least=0.95),
        Row(claim="the same in the tail, after the last new trial", value=use(pausing, last_new, end), unit=""),
        Row(claim="length of the tail, of the whole search", value=(end - last_new) / (end - begin), unit=""),
    ]


def window(events: Sequence[Event]) -> tuple[float, float, float]:
    """The starts of the first and of the last new trial, and the last report."""
    starts = [when(event) for event in events if event["event"] == "started"]
    return min(starts), max(starts), max(when(event) for event in events if event["event"] == "report")


def use(events: Sequence[Event], begin: float, end: float) -> float:
    """Seconds of epochs over seconds of slots, in a window."""
    slots = next(event["slots"] for event in events if event["event"] == "search_started")
    busy = 0.0
    for event in events:
        if event["event"] == "report":
            # An epoch ends just before its report; one that lies across the edge of the window counts in part.
            reported = when(event)
            busy += max(0.0, min(reported, end) - max(reported - event["seconds"], begin))
    return busy / (slots * (end - begin))


def trial_seconds(events: Sequence[Event], trial: str) -> float:
    """From a trial's start to its end."""
    times = [when(event) for event in events if event.get("trial") == trial and event["event"] != "created"]
    return times[-1] - times[0]
