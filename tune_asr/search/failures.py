"""Consequence of a failure: chance, one setting, or all trials.

Chance is retried. A setting that cannot be trained costs its trial, since another may do. A failure that no other
setting would avoid (a full disk, missing data, a bug in a custom class) ends the search; it is resumed afterwards.
"""

from __future__ import annotations

from tune_asr.config.keys import facts
from tune_asr.errors import DataError, InfeasibleError, SettingError, TrialFailedError, TuneAsrError
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial

MAX_RETRIES = 3
MAX_REFUSALS = 5


def is_of_the_setting(error: TuneAsrError, trial: Trial, state: SearchState) -> bool:
    """Return whether another draw may succeed.

    It will not if all trials so far were refused.
    """
    if isinstance(error, InfeasibleError | TrialFailedError):
        return True
    if not isinstance(error, SettingError) and type(error) is not DataError:
        return False
    causes = ("setting", "data") if isinstance(error, SettingError) else ("data",)
    drawn = any(facts(key).may_fail in causes for key in trial.params)
    return drawn and not _none_trains(state, trial, MAX_REFUSALS - 1)


def may_be_chance(cause: str, trial: Trial, *, raised: bool) -> bool:
    """Return whether a trial deserves a retry.

    Args:
        cause: reason of the end of its process.
        trial: trial with the causes of earlier ends.
        raised: whether an exception ended it. The same exception again is a bug: a trial is the same at every try.
    """
    return len(trial.deaths) < MAX_RETRIES and not (raised and cause in trial.deaths)


def is_of_all(trial: Trial, state: SearchState, *, raised: bool) -> bool:
    """Return whether trials fail alike, and none trains.

    Two trials are enough if they raise the same exception.
    """
    alike = sum(other.status == "failed" and other.deaths[-1:] == trial.deaths[-1:] for other in state.trials.values())
    return _none_trains(state, trial, 2 if raised and alike > 1 else MAX_REFUSALS)


def _none_trains(state: SearchState, judged: Trial, num_failed: int) -> bool:
    """Return whether `num_failed` trials failed and none trains.

    A running trial counts if it began before the `judged` one; a later one may be about to fail as well.
    """
    trials = state.trials.values()
    first_epoch = (t for t in trials if t.status == "running" and not t.deaths and t.number < judged.number)
    trains = any(trial.epoch for trial in trials) or any(first_epoch)
    return sum(trial.status == "failed" for trial in trials) >= num_failed and not trains
