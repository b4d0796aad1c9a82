"""Best settings of a search, trained again with a longer horizon."""

from __future__ import annotations

from tune_asr.record.events import Created
from tune_asr.record.ranking import standings
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.search.ending import best_settings, setting_of

BEST = 3


def repeated(state: SearchState, metric: Metric, stage: int | None = None) -> list[Trial]:
    """Return the trials to repeat, the base last.

    These are the best of each setting, and the base if it is not among them. The ledger alone decides, and trials of
    earlier stages alone count: the answer stays the same while the stage runs.

    Args:
        state: trials so far.
        metric: error rate that ranks.
        stage: index of the stage; by default the current one.
    """
    stage = state.stages.index if stage is None else stage
    ranked = standings(state, metric)
    earlier = [each for each in ranked if each.trial.stage < stage and each.trial.finalist_of is None]
    best = best_settings([each for each in earlier if not each.trial.is_beyond_limit], BEST)
    base = best_settings([each for each in earlier if each.trial.is_base], 1)
    return [*best, *(trial for trial in base if setting_of(trial) not in map(setting_of, best))]


def repetition(state: SearchState, number: str, again: Trial) -> Created:
    """Return the event of a trial that repeats another.

    It is the base if it has the setting of the base, whichever trial it repeats.
    """
    of_base = any(trial.is_base and setting_of(trial) == setting_of(again) for trial in state.trials.values())
    return Created(
        trial=number,
        params=again.params,
        seed=again.seed,
        base=of_base or None,
        continues_setting_of=again.number,
    )
