"""The gap between the end of one trial and the first step of the next in the same process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from tests.benchmarks.searches import Event, first_steps, run_search, when
from tests.benchmarks.table import Row
from tune_asr.record.trial import FINAL

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
    """Forty short trials on all cores; they pause at rungs, continue, and are pruned or finished."""
    events = run_search(SPACE).events
    new, resumed, fresh = gaps(events, "started"), gaps(events, "resumed"), fresh_starts(events)
    return [
        Row(claim=f"gap before a new trial, median of {len(new)}", value=median(new), at_most=0.5),
        Row(claim="gap before a new trial, 99th percentile", value=percentile(new, 99), at_most=2),
        Row(claim=f"gap before a paused one, median of {len(resumed)}", value=median(resumed), at_most=0.5),
        Row(claim="gap before a paused one, 99th percentile", value=percentile(resumed, 99), at_most=2),
        Row(claim=f"a fresh process instead, median of {len(fresh)}", value=median(fresh)),
    ]


def gaps(events: Sequence[Event], kind: str) -> list[float]:
    """Seconds in each process from the last epoch of a trial to the first step of the next.

    Args:
        events: lines of the ledger.
        kind: event with which the next trial begins, `started` or `resumed`.
    """
    found: list[float] = []
    process: dict[str, str] = {}
    freed: dict[str, float] = {}
    begun: dict[str, tuple[str, float]] = {}
    reported: dict[str, float] = {}
    for event in events:
        trial = event.get("trial", "")
        if event["event"] in ("started", "resumed"):
            process[trial] = event["process"]
            if event["process"] in freed:
                begun[trial] = (event["event"], freed.pop(event["process"]))
        elif event["event"] == "report":
            reported[trial] = when(event)
            before, end = begun.pop(trial, ("", 0.0))
            if before == kind:
                found.append(when(event) - event["seconds"] - end)
        elif event["event"] in (*FINAL, "paused") and trial in process and trial in reported:
            freed[process.pop(trial)] = reported[trial]
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
