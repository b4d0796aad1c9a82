"""Searched keys as axes: names, scales and ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from tune_asr.record.ranking import searched_keys
from tune_asr.record.trial import Trial
from tune_asr.report.narrow_ranges import is_number
from tune_asr.report.results import Results
from tune_asr.space.distributions import Distribution
from tune_asr.wording import short_names, shortened, value_text

Value = float | str
"""Number, or one of an axis's choices."""
_LONGEST = 60
"""Characters of a name or a value in a figure."""
_TICKS = 5
_CLOSEST = 0.08
"""Distance below which two ticks overlap, as a part of the axis."""


def escaped(value: object) -> str:
    """Return a value as short text without HTML for Plotly."""
    return escape(shortened(value_text(value), _LONGEST), quote=False)


@dataclass(frozen=True, slots=True)
class Axis:
    """Scale of one searched key, for every value tried."""

    key: str
    """Path of the key."""
    name: str
    """Short name, safe in a figure."""
    choices: tuple[str, ...] = ()
    """Listed values as text; empty for numbers."""
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    is_whole: bool = False
    """True if the key takes whole numbers only."""

    def value(self, trial: Trial) -> Value | None:
        """Return the trial's value as a figure shows it."""
        if self.key not in trial.params:
            return None
        value: float = trial.params[self.key]
        return escaped(value) if self.choices else value

    def spanning(self, trials: Sequence[Trial]) -> Axis:
        """Return the axis cut to the numbers of these trials."""
        found = [] if self.choices else [trial.params[self.key] for trial in trials if self.key in trial.params]
        if not found:
            return self
        return Axis(self.key, self.name, (), min(found), max(found), self.is_log, self.is_whole)

    def place(self, value: Value) -> float:
        """Return the height of a value, from 0 to 1."""
        if isinstance(value, str):
            return self.choices.index(value) / (len(self.choices) - 1) if len(self.choices) > 1 else 0.5
        if self.low == self.high:
            return 0.5
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return heights and labels without overlap, the lowest first."""
        values: Sequence[Value] = self.choices or (self.low, self.high, *self._between())
        found: dict[float, str] = {}
        for value in values:
            place = self.place(value)
            if all(abs(place - other) > _CLOSEST for other in found):
                found[place] = value if isinstance(value, str) else f"{value:.3g}"
        return sorted(found.items())

    def _between(self) -> list[float]:
        if self.is_log:
            return [10.0**power for power in range(math.ceil(math.log10(self.low)), math.ceil(math.log10(self.high)))]
        parts = [self.low + (self.high - self.low) * part / (_TICKS - 1) for part in range(1, _TICKS - 1)]
        return [float(round(part)) for part in parts] if self.is_whole else parts


def axes_of(results: Results) -> list[Axis]:
    """Return an axis for each searched key, in order."""
    keys = searched_keys(results.state)
    distributions = results.plan.distributions if results.plan else {}
    names = [escaped(name) for name in short_names(keys)]
    # Names that are cut may become equal.
    unique = [name if names.count(name) == 1 else f"{name} {i}" for i, name in enumerate(names, start=1)]
    trials = results.state.trials.values()
    return [
        _axis(key, name, distributions.get(key), [trial.params[key] for trial in trials if key in trial.params])
        for key, name in zip(keys, unique, strict=True)
    ]


def _axis(key: str, name: str, space: Distribution | None, values: Sequence[Any]) -> Axis:
    """Return the distribution's axis, widened to hold all values."""
    numeric = all(map(is_number, values))
    if space and space.is_listed:
        choices = tuple(dict.fromkeys(map(escaped, space.arguments)))
        if all(escaped(value) in choices for value in values):
            return Axis(key, name, choices)
    elif space and space.bounds and numeric:
        low, high = space.bounds
        if all(low <= value <= high and (isinstance(value, int) or not space.is_whole) for value in values):
            return Axis(key, name, (), low, high, space.is_log, space.is_whole)
    if numeric:
        return Axis(key, name, (), min(values), max(values))
    return Axis(key, name, tuple(dict.fromkeys(map(escaped, values))))
