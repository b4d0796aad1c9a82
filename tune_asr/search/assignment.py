"""Work of a trial for a worker, and the event of its start."""

from __future__ import annotations

from tune_asr.record.events import Resumed, Started
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.search.messages import Ready, Work
from tune_asr.search.search import Search
from tune_asr.search.surroundings import Surroundings
from tune_asr.space.horizon import plan_with


def work_of(trial: Trial, search: Search, state: SearchState) -> Work:
    """Return what a worker needs for a trial."""
    return Work(
        number=trial.number,
        epoch=trial.epoch,
        values=plan_with(search.plan, trial.horizon).trial_values(trial.settings, trial.seed),
        params={**trial.params, "seed": trial.seed},
        off={key: d.at(0.0) for key, d in search.plan.distributions.items() if key not in trial.params},
        root=str(search.folder.root.resolve()),
        search=search.folder.root.name,
        fingerprints=search.fingerprints,
        other_data=state.changes.has_other_data,
        grace_period=search.plan.space.asha.grace_period,
        surroundings=Surroundings.here(),
    )


def start_of(trial: Trial, message: Ready) -> Started | Resumed:
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
