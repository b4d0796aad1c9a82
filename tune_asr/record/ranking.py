"""Which epoch of a trial is its best, and which trial is the best of a search.

Best is the lowest `val_wer` over the reported epochs whose checkpoint is kept: a result that nobody can
load again is none. `val_cer` takes its place where words mean nothing. Ties go by `val_cer`, then
`val_loss`, then the earlier epoch within a trial and the lower number between trials. What a trial
reported before it failed counts; what it reported before it diverged, behind all that did not diverge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tune_asr.record.events import Report
from tune_asr.record.state import SearchState, Trial
from tune_asr.scoring.metric import Metric

BARELY_LEARNT = 0.95
Standing = tuple[Trial, Report | None]
"""A trial and the report of its best epoch, None where it has none that counts."""


def order(report: Report, metric: Metric) -> tuple[tuple[tuple[bool, float], ...], int]:
    """Return a sort key, best first; of equal scores the earlier epoch."""
    return report.scores.order(metric), report.epoch


def best_epoch(trial: Trial, kept: set[int] | None = None, metric: Metric = "val_wer") -> Report | None:
    """The report of the trial's best epoch, None where no epoch counts.

    Args:
        trial: the trial.
        kept: the epochs whose checkpoint is kept; None: all of them.
        metric: what is to be low.
    """
    counting = (
        report
        for report in trial.reports
        if report.scores.get(metric) is not None and (kept is None or report.epoch in kept)
    )
    return min(counting, key=lambda report: order(report, metric), default=None)


def standings(
    state: SearchState, metric: Metric = "val_wer", kept: Mapping[str, set[int]] | None = None
) -> list[Standing]:
    """Every trial with its best epoch, best first, then those that diverged, those without an epoch last.

    Args:
        state: the search.
        metric: what is to be low.
        kept: by trial, the epochs whose checkpoint is kept; None: all of them.
    """

    def key(standing: Standing) -> tuple[Any, ...]:
        trial, report = standing
        # Not by epoch: that one trial needed fewer does not make it the better of two.
        values = report.scores.order(metric) if report else ()
        return (report is None, trial.status == "diverged", values, int(trial.number))

    found = [
        (trial, best_epoch(trial, kept if kept is None else kept.get(trial.number, set()), metric))
        for trial in state.trials.values()
    ]
    return sorted(found, key=key)


def leader(ranked: Sequence[Standing]) -> tuple[Trial, Report] | None:
    """The first of the standings with the report of its best epoch, None where no trial has one."""
    if not ranked or ranked[0][1] is None:
        return None
    return ranked[0][0], ranked[0][1]


def too_early(best: float, metric: str) -> str:
    """What to say where the best epoch there is has hardly an utterance right: "" where it has."""
    if best < BARELY_LEARNT:
        return ""
    name = metric.removeprefix("val_").upper()
    return (
        f"The best {name} is near 100 %: until a model has learnt to speak, chance decides which one is best. Train "
        "longer (trainer.max_epochs), or on more speech."
    )


def rung_metric(asked: str, metric: Metric) -> str:
    """What rungs compare where `asha.metric` is `asked`: CER in place of WER where WER means nothing."""
    return "val_cer" if asked == "val_wer" and metric == "val_cer" else asked


def searched_keys(state: SearchState) -> list[str]:
    """The paths that the search varies, in the order in which the trials name them."""
    return list(dict.fromkeys(key for trial in state.trials.values() for key in trial.params))
