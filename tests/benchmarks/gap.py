"""The gap between the end of one trial and the first step of the next in the same process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from tests.benchmarks.searches import Event, first_steps, run_search, when
from tests.benchmarks.table import Row
from tune_asr.record.state import FINAL

# Trials of a second: what lies between them is what is measured.
SPACE = {
    "param_space": {"optimizer.lr": {"loguniform": [3.0e-4, 3.0e-2]}, "model.dropout": {"uniform": [0.0, 0.3]}},
    "over": {
        "data.num_train": 48,
        "data.num_val": 12,
        "data.max_words": 2,
        "model.dim": 24,
        "model.num_layers": 2,
        "trainer.max_epochs": 4,
    },
    "search": {"num_samples": 40},
    "asha": {"grace_period": 1},
}


def measure() -> list[Row]:
    """Forty short trials, pruned and finished ones, on all cores."""
    events = run_search(SPACE).events
    reused, fresh = gaps(events), fresh_starts(events)
    return [
        Row(claim=f"gap between trials, median of {len(reused)}", value=median(reused), at_most=0.5),
        Row(claim="gap between trials, 99th percentile", value=percentile(reused, 99), at_most=2),
        Row(claim=f"a fresh process instead, median of {len(fresh)}", value=median(fresh)),
    ]


def gaps(events: Sequence[Event]) -> list[float]:
    """Seconds from a trial's end to the next trial's first step, in each process."""
    steps = first_steps(events)
    found: list[float] = []
    process: dict[str, str] = {}
    ended: dict[str, float] = {}
    for event in events:
        if event["event"] == "started":
            process[event["trial"]] = event["process"]
            if event["process"] in ended and event["trial"] in steps:
                found.append(steps[event["trial"]] - ended[event["process"]])
        elif event["event"] in FINAL:
            ended[process[event["trial"]]] = when(event)
    return found


def fresh_starts(events: Sequence[Event]) -> list[float]:
    """Seconds from a trial's creation to its first step, where it is the first trial of its process."""
    steps = first_steps(events)
    created = {event["trial"]: when(event) for event in events if event["event"] == "created"}
    first_of: dict[str, str] = {}
    for event in events:
        if event["event"] == "started":
            first_of.setdefault(event["process"], event["trial"])
    return [steps[trial] - created[trial] for trial in first_of.values()]


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: of fewer than a hundred values, the 99th percentile is the largest."""
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]
