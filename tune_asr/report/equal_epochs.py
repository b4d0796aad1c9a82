"""Trials compared at equal epochs.

The leaderboard has the best epoch of each trial. A trial that was stopped or waits had fewer epochs to find one, so it
looks worse than it is beside those that went on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tune_asr.record.trial import Trial
from tune_asr.report.results import Results
from tune_asr.report.rungs import is_at_rung
from tune_asr.report.text_table import table_lines
from tune_asr.scoring.metric import Metric, metric_name
from tune_asr.wording import percent

_ROWS = 10
_COLUMNS = 7
"""Most rungs shown, the last ones, and the end."""


def best_until(trial: Trial, epoch: int, metric: str) -> float | None:
    """Return the best value up to an epoch, None before."""
    if trial.epoch < epoch:
        return None
    known = [report.scores.get(metric) for report in trial.reports[:epoch]]
    return min([value for value in known if value is not None], default=None)


def at_equal_epochs(one: Trial, other: Trial, metric: Metric, names: tuple[str, str]) -> str:
    """Compare two trials at the last epoch of both.

    Returns a sentence, "" if they ended at the same epoch.
    """
    if one.horizon != other.horizon:
        return "Their schedules have other horizons, so they do not compare epoch by epoch."
    epoch = min(one.epoch, other.epoch)
    rates = [best_until(trial, epoch, metric) for trial in (one, other)]
    if one.epoch == other.epoch or None in rates:
        return ""
    had = f"{names[0]} had {percent(rates[0])} % and {names[1]} {percent(rates[1])} %"
    return f"At epoch {epoch}, the last that both reached, {had}."


def rung_epochs(results: Results) -> list[int]:
    """Return the epochs of rungs at which trials were judged."""
    return sorted(
        {decision.epoch for trial, _ in results.drawn for decision in trial.decisions if is_at_rung(decision)}
    )


def equal_epochs_lines(results: Results) -> Iterator[str]:
    """Yield a table of the first trials at each rung."""
    shown = [trial for trial, report in results.drawn[:_ROWS] if report]
    last = max((trial.epoch for trial in shown), default=0)
    rungs = [epoch for epoch in rung_epochs(results) if epoch < last]
    if not rungs or all(trial.epoch == last for trial in shown):
        return
    columns = [*rungs, last][-_COLUMNS:]
    ended = [trial for trial, _ in results.drawn if trial.epoch]
    yield f"{metric_name(results.metric)} % at equal epochs, the best so far. A trial without a number ended before:"
    rows = [
        [trial.number, *(percent(best_until(trial, epoch, results.metric)) or "-" for epoch in columns)]
        for trial in shown
    ]
    came = ["came", *(str(sum(trial.epoch >= epoch for trial in ended)) for epoch in columns)]
    yield from table_lines(["trial", *(f"epoch {epoch}" for epoch in columns)], [*rows, came])
    if shown[0] is results.loadable[0][0]:
        yield from _places(shown[0], ended, columns[:-1], results.metric)


def _places(winner: Trial, trials: Sequence[Trial], rungs: Sequence[int], metric: str) -> Iterator[str]:
    """Yield a sentence on the winner's ranks at the rungs."""
    ranks = []
    for epoch in rungs:
        values = {trial.number: value for trial in trials if (value := best_until(trial, epoch, metric)) is not None}
        if winner.number in values:
            rank = 1 + sum(value < values[winner.number] for value in values.values())
            ranks.append(f"{rank} of {len(values)} at epoch {epoch}")
    if ranks:
        yield f"The winner was {', '.join(ranks)}."
