"""What a failure is a trait of: of chance, of one trial's setting, or of what all trials share.

Chance is tried again. A setting that cannot be trained costs its trial, since another may do. Whatever no other setting
would mend (a full disk, data that have gone, a bug in a class of the user's) ends the search, so that it can go on once
that is mended.
"""

from __future__ import annotations

from tune_asr.config.keys import facts
from tune_asr.errors import DataError, InfeasibleError, SettingError, TrialFailedError, TuneAsrError
from tune_asr.record.state import SearchState, Trial

MAX_RETRIES = 3
MAX_REFUSALS = 5


def is_of_the_setting(error: TuneAsrError, trial: Trial, state: SearchState) -> bool:
    """Whether another draw may do where this trial's is refused. Where all have been so far, it will not."""
    if isinstance(error, InfeasibleError | TrialFailedError):
        return True
    if not isinstance(error, SettingError) and type(error) is not DataError:
        return False
    causes = ("setting", "data") if isinstance(error, SettingError) else ("data",)
    drawn = any(facts(key).may_fail in causes for key in trial.params)
    return drawn and not _none_trains(state, trial, MAX_REFUSALS - 1)


def may_be_chance(cause: str, trial: Trial, *, raised: bool) -> bool:
    """Whether a trial whose process has ended is to be tried again.

    Args:
        cause: why it ended.
        trial: with why it did before.
        raised: by an exception. The same one again is a bug: a trial is the same however often it is tried.
    """
    return len(trial.deaths) < MAX_RETRIES and not (raised and cause in trial.deaths)


def is_of_all(trial: Trial, state: SearchState, *, raised: bool) -> bool:
    """Whether a trial has failed as others have, where none trains: by one exception, two are enough."""
    alike = sum(other.status == "failed" and other.deaths[-1:] == trial.deaths[-1:] for other in state.trials.values())
    return _none_trains(state, trial, 2 if raised and alike > 1 else MAX_REFUSALS)


def _none_trains(state: SearchState, judged: Trial, num_failed: int) -> bool:
    """Whether so many trials have failed, none has come to an epoch, and none may be in its first for long already.

    Of the trials that run, one that began after the `judged` may be about to fail as it did: that one says nothing.
    """
    trials = state.trials.values()
    first_epoch = (t for t in trials if t.status == "running" and not t.deaths and t.number < judged.number)
    trains = any(trial.epoch for trial in trials) or any(first_epoch)
    return sum(trial.status == "failed" for trial in trials) >= num_failed and not trains
