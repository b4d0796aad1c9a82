"""How much of the slots' time goes into training and validation."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.searches import Event, run_search, when
from tests.benchmarks.table import Row, cores

EPOCHS = 24
TRIALS_PER_SLOT = 4


def measure() -> list[Row]:
    """Trials of about 20 s, the shipped configuration itself, none of them pruned."""
    events = run_search(
        {
            "param_space": {},
            "over": {"trainer.max_epochs": EPOCHS},
            "search": {"num_samples": TRIALS_PER_SLOT * cores()},
            "asha": {"grace_period": EPOCHS},
        }
    ).events
    slots = next(event["slots"] for event in events if event["event"] == "search_started")
    lengths = [trial_seconds(events, event["trial"]) for event in events if event["event"] == "created"]
    return [
        Row(claim="training and validation over slots x wall time", value=use(events, slots), unit="", at_least=0.95),
        Row(claim=f"length of these trials, median of {len(lengths)}", value=median(lengths)),
    ]


def use(events: Sequence[Event], slots: int) -> float:
    """Seconds of epochs over seconds of slots, from the first trial's start to the last one's."""
    starts = [when(event) for event in events if event["event"] == "started"]
    begin, end = min(starts), max(starts)
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
