"""Trials of one setting that differ in their seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from tune_asr.config.scalars import identity
from tune_asr.record.trial import Trial
from tune_asr.report.equal_epochs import best_until
from tune_asr.report.results import Results
from tune_asr.report.text_table import table_lines
from tune_asr.scoring.metric import Metric, metric_name
from tune_asr.wording import percent

_ROWS = 10
_NUMBERS = 4
_SURE = 5
"""Degrees of freedom from which a standard deviation is more than a guess."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Seeds of one setting, compared at one epoch."""

    trials: list[Trial]
    """Trials that reached `epoch`, at least two."""
    epoch: int
    """Last epoch that two of the setting's trials reached."""
    rates: list[float]
    """Best error rate up to `epoch`, of each trial."""
    left_out: int
    """Trials of the setting that ended before."""

    @property
    def mean(self) -> float:
        """Mean of the rates."""
        return mean(self.rates)

    @property
    def spread(self) -> float:
        """Standard deviation of the rates."""
        return stdev(self.rates)


def repeats(trials: Sequence[Trial], metric: Metric) -> list[Repeats]:
    """Return the settings with two seeds or more, finalists aside.

    Settings that came further come first, then the better mean.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in (trial for trial in trials if not trial.finalist_of):
        setting = {key: value for key, value in trial.params.items() if key != "seed"}
        groups.setdefault(identity([setting, trial.horizon]), []).append(trial)
    found = (_repeats(group, metric) for group in groups.values() if len(group) > 1)
    return sorted((group for group in found if group), key=lambda group: (-group.epoch, group.mean))


def _repeats(group: Sequence[Trial], metric: Metric) -> Repeats | None:
    epoch = sorted(trial.epoch for trial in group)[-2]
    rates = {trial.number: rate for trial in group if (rate := best_until(trial, epoch, metric)) is not None}
    if not epoch or len(rates) < 2:
        return None
    reached = [trial for trial in group if trial.number in rates]
    return Repeats(reached, epoch, list(rates.values()), len(group) - len(reached))


def seed_lines(results: Results) -> Iterator[str]:
    """Yield mean and spread over the seeds of each setting."""
    groups = repeats(list(results.state.trials.values()), results.metric)
    if not groups:
        return
    name = metric_name(results.metric)
    yield f"Seeds of one setting, {name} % at the last epoch that two of them reached:"
    rows = [
        [
            _numbers(group),
            *(percent(rate) for rate in (group.mean, group.spread, min(group.rates), max(group.rates))),
            str(group.epoch),
        ]
        for group in groups[:_ROWS]
    ]
    yield from table_lines(["trials", "mean", "spread", "lowest", "highest", "epoch"], rows)
    if len(groups) > _ROWS:
        yield f"and {len(groups) - _ROWS} more settings"
    yield _pooled(groups, name)


def _numbers(group: Repeats) -> str:
    """Return the first numbers of a setting's trials."""
    first = [trial.number for trial in group.trials[:_NUMBERS]]
    rest = len(group.trials) - len(first)
    ended = f", {group.left_out} ended before" if group.left_out else ""
    return " ".join(first) + (f" and {rest} more" if rest else "") + ended


def _pooled(groups: Sequence[Repeats], name: str) -> str:
    """Return a sentence on the spread that seeds alone cause."""
    furthest = [group for group in groups if group.epoch == groups[0].epoch]
    trials = sum(len(group.rates) for group in furthest)
    freedom = trials - len(furthest)
    spread = math.sqrt(sum((len(group.rates) - 1) * group.spread**2 for group in furthest) / freedom)
    moved = (
        f"The seed alone moves the {name} by {100 * spread:.1f} points (standard deviation over {trials} trials at "
        f"epoch {furthest[0].epoch})"
    )
    if freedom < _SURE:
        return f"{moved}, from so few trials a rough guess."
    apart = 100 * 1.96 * math.sqrt(2) * spread
    return f"{moved}: two single trials closer than {apart:.1f} points may differ by their seeds alone."
