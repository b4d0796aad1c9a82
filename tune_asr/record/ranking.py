"""Best epoch of a trial, best trial of a search.

The best is the lowest `val_wer` over reported epochs with a kept checkpoint: a result is worth nothing if it cannot
be loaded. `val_cer` takes the place of `val_wer` for scripts without words. Ties go by `val_cer`, then `val_loss`,
then the earlier epoch within a trial and the lower number between trials. Reports of a failed trial count; those of a
diverged trial rank after all others. A trial beyond a limit is never the best.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from tune_asr.record.events import Report
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.scoring.scores import score

BARELY_LEARNT = 0.95
_GONE = ""


class Standing(NamedTuple):
    """Trial with the report of its best epoch."""

    trial: Trial
    report: Report | None
    """None without an epoch that counts."""


def order(report: Report, metric: Metric) -> tuple[tuple[tuple[bool, float], ...], int]:
    """Return a sort key, best first, earlier epochs first."""
    return report.scores.order(metric), report.epoch


def best_epoch(trial: Trial, kept: set[int] | None = None, metric: Metric = "val_wer") -> Report | None:
    """Return the report of the best epoch, None without one.

    Args:
        trial: trial with its reports.
        kept: epochs with a checkpoint; None for all.
        metric: error rate that ranks.
    """
    counting = [report for report in trial.reports if kept is None or report.epoch in kept]
    rates = [report.scores.get(metric) for report in counting]
    best = min((rate for rate in rates if rate is not None), default=None)
    if best is None:
        return None
    tied = [report for report, rate in zip(counting, rates, strict=True) if rate == best]
    return tied[0] if len(tied) == 1 else min(tied, key=lambda report: order(report, metric))


def standings(
    state: SearchState, metric: Metric = "val_wer", kept: Mapping[str, set[int]] | None = None
) -> list[Standing]:
    """Rank all trials, each with its best epoch.

    Diverged trials follow the others, then those beyond a limit, and trials without an epoch come last. A trial without
    any checkpoint keeps its rank, with a report that `is_gone`.

    Args:
        state: state of the search.
        metric: error rate that ranks.
        kept: epochs with a checkpoint, by trial; None for all.
    """

    def key(standing: Standing) -> tuple[Any, ...]:
        trial, report = standing
        # Not by epoch: that one trial needed fewer does not make it the better of two.
        values = report.scores.order(metric) if report else ()
        return (report is None, trial.is_beyond_limit, trial.status == "diverged", values, int(trial.number))

    found = [Standing(trial, _counted(trial, kept, metric)) for trial in state.trials.values()]
    return sorted(found, key=key)


def is_gone(report: Report | None) -> bool:
    """Return whether all checkpoints of a ranked trial are gone."""
    return report is not None and report.checkpoint == _GONE


def _counted(trial: Trial, kept: Mapping[str, set[int]] | None, metric: Metric) -> Report | None:
    """Return the report that ranks a trial."""
    if kept is None:
        return best_epoch(trial, metric=metric)
    found = best_epoch(trial, kept.get(trial.number, set()), metric)
    if found or not (recorded := best_epoch(trial, metric=metric)):
        return found
    return replace(recorded, checkpoint=_GONE)


def leader(ranked: Sequence[Standing], *, of_any_size: bool = False) -> tuple[Trial, Report] | None:
    """Return the first loadable trial and its best report.

    None if no trial has a checkpoint, or the first is beyond a limit.

    Args:
        ranked: trials in order.
        of_any_size: whether a trial beyond a limit counts.
    """
    first = next(((trial, report) for trial, report in ranked if report and not is_gone(report)), None)
    return None if first is None or (first[0].is_beyond_limit and not of_any_size) else first


def too_early(best: float, metric: str, *, longer: str = "--max-epochs E") -> str:
    """Return a warning if hardly an utterance is right.

    Args:
        best: lowest error rate.
        metric: its name.
        longer: flag or key that trains longer; by default that of a search.
    """
    if best < BARELY_LEARNT:
        return ""
    name = metric.removeprefix("val_").upper()
    return (
        f"The best {name} is near 100 %: until a model has learnt to recognise words, chance decides which one is "
        f"best. Train longer ({longer}), or on more speech."
    )


def rung_metric(asked: str, metric: Metric) -> str:
    """Return the score of rungs, CER if WER means nothing."""
    return "val_cer" if asked == "val_wer" and metric == "val_cer" else asked


def rung_value(report: Report, asked: str, metric: Metric) -> float:
    """Return the value of an epoch that rungs compare.

    Args:
        report: report of the epoch. Release 0.1.0 wrote no score; it is computed.
        asked: value of `asha.metric`.
        metric: error rate that chooses the winner.

    Returns:
        The value, infinity if it is not finite.
    """
    scores = report.scores
    if asked != "score":
        return scores.value(rung_metric(asked, metric))
    if scores.score is not None:
        return scores.score
    return score(scores.value(metric), scores.value("val_cer"), scores.value("val_loss"))


def searched_keys(state: SearchState) -> list[str]:
    """Return the searched keys in the order of the space."""
    return keys_of(state.trials.values())


def keys_of(trials: Iterable[Trial]) -> list[str]:
    """Return the searched keys of some trials, in order.

    A trial lacks the keys that its conditions switch off, so a new key stands before the one after it in its trial.
    """
    keys: list[str] = []
    for trial in trials:
        if trial.params.keys() <= set(keys):
            continue
        place = len(keys)
        for key in reversed(trial.params):
            if key not in keys:
                keys.insert(place, key)
            place = keys.index(key)
    return keys
