"""Event of a trial that begins to train, or continues."""

from __future__ import annotations

from tune_asr.record.events import Resumed, Started
from tune_asr.record.trial import Trial
from tune_asr.search import messages


def start_of(trial: Trial, message: messages.Ready) -> Started | Resumed:
    """Return the event of a worker's start.

    Args:
        trial: trial before the event.
        message: message of the worker.
    """
    process, damaged, warning = message.process, message.damaged or None, message.warning or None
    if trial.status == "pending":
        return Started(trial=trial.number, process=process, damaged=damaged, warning=warning)
    return Resumed(
        trial=trial.number,
        process=process,
        epoch=message.epoch,
        cause=trial.cause or "the search was resumed",
        damaged=damaged,
        warning=warning,
    )
