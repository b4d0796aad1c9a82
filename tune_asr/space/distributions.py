"""Distributions, with Ray Tune's names and bounds.

    uniform: [low, high]             low <= x < high
    quniform: [low, high, q]         multiples of q, high included
    loguniform: [low, high]          uniform in log x; low > 0
    qloguniform: [low, high, q]
    randint: [low, high]             whole numbers, high excluded
    lograndint: [low, high]          whole numbers, uniform in log x, high excluded
    choice: [a, b, ...]              each equally likely
    grid_search: [a, b, ...]         each of them, crossed with the other grids

A value is drawn by `at(u)`, u in [0, 1). The caller derives u from (seed, trial, key), so the values of a key do not
depend on the other searched keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from tune_asr.config.scalars import shown
from tune_asr.space.priors import OPTIONS, SPREADS, Prior, check_options, is_number


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values of one searched key."""

    kind: str
    """Name of the distribution, one of those above."""
    arguments: tuple[Any, ...]
    """Bounds and q, or the listed values."""
    prior: Prior | None = None
    """Where good values are expected."""

    @property
    def is_grid(self) -> bool:
        """True if every value is tried, instead of some drawn."""
        return self.kind == "grid_search"

    @property
    def is_listed(self) -> bool:
        """True if the arguments are the values themselves."""
        return self.kind in _LISTED

    @property
    def is_log(self) -> bool:
        """True if the values are spread evenly in log x."""
        return not self.is_listed and _NUMERIC[self.kind].is_log

    @property
    def is_whole(self) -> bool:
        """True if every value is a whole number between bounds."""
        return not self.is_listed and _NUMERIC[self.kind].is_whole

    @property
    def step(self) -> float:
        """Distance of neighbours; 0 if continuous or listed."""
        return 0 if self.is_listed else 1 if self.is_whole else self.arguments[2] if len(self.arguments) > 2 else 0

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Lowest and highest value; None for listed values."""
        if self.is_listed:
            return None
        low, high = self.arguments[:2]
        return low, high - self.is_whole

    @property
    def probes(self) -> tuple[Any, ...]:
        """Values to check in place of all.

        Each of a list; otherwise the lowest, the highest and some between.
        """
        if self.is_listed:
            return self.arguments
        flat = replace(self, prior=None)
        return (flat.at(0.0), flat.at(math.nextafter(1.0, 0.0)), *(flat.at((i + 0.5) / 64) for i in range(64)))

    def takes(self, value: object) -> bool:
        """Return whether a value can be drawn.

        Of a continuous distribution, no single value is.
        """
        if self.is_listed:
            return is_among(value, self.arguments)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low, high = self.bounds or (0, 0)
        step = self.step
        return bool(step) and low <= value <= high and float(f"{round(value / step) * step:.15g}") == value

    def covers(self, value: JsonValue) -> bool:
        """Return whether a value is listed, or within the bounds."""
        if self.is_listed:
            return is_among(value, self.arguments)
        low, high = self.bounds or (0, 0)
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    def at(self, u: float) -> Any:
        """Return the value at quantile `u` in [0, 1)."""
        if self.prior is not None:
            u = self.prior.quantile(u)
        if self.is_listed:
            return self.arguments[int(u * len(self.arguments))]
        return _NUMERIC[self.kind].at(u, *self.arguments)

    def position(self, value: float) -> float:
        """Return the centre of a number's quantiles.

        Numbers outside the bounds are clipped.
        """
        numeric = _NUMERIC.get(self.kind)
        if numeric is None:
            return (self.arguments.index(value) + 0.5) / len(self.arguments)
        low, high = self.arguments[:2]
        below = above = min(max(value, low), high - numeric.is_whole)
        if numeric.is_whole:
            above += 1
        elif numeric.takes_q:
            half = self.arguments[2] / 2
            below, above = max(below - half, low), min(above + half, high)
        if numeric.is_log:
            low, high, below, above = math.log(low), math.log(high), math.log(below), math.log(above)
        return float(((below + above) / 2 - low) / (high - low))


def parse(value: JsonValue) -> Distribution:
    """Parse a distribution such as `{loguniform: [1.0e-4, 1.0e-2]}`.

    Raises:
        ValueError: wrong name, bounds or number of arguments; the message gives the value and the rule.
    """
    if not isinstance(value, dict):
        raise ValueError(f"is {shown(value)}, but must be a distribution, such as {{uniform: [0.0, 0.3]}}")
    options = {name: option for name, option in value.items() if name in OPTIONS}
    kinds = {name: arguments for name, arguments in value.items() if name not in OPTIONS}
    unknown, known = [name for name in kinds if name not in KINDS], [name for name in kinds if name in KINDS]
    if unknown and known:
        raise ValueError(f"{unknown[0]} is unknown beside {known[0]}; known: {', '.join(OPTIONS)}, when")
    if len(kinds) != 1:
        raise ValueError(f"holds {len(kinds)} keys, but must be one distribution, such as {{uniform: [0.0, 0.3]}}")
    ((kind, arguments),) = kinds.items()
    if kind not in KINDS:
        raise ValueError(f"{kind} is not a distribution; known: {', '.join(KINDS)}")
    if not isinstance(arguments, list):
        raise ValueError(f"{kind} takes a list, but was given {shown(arguments)}")
    if kind in _NUMERIC:
        _check_numeric(kind, arguments)
    elif not arguments:
        raise ValueError(f"{kind} is empty, but must have at least one value")
    return _with_prior(Distribution(kind, tuple(arguments)), options)


def _with_prior(distribution: Distribution, options: Mapping[str, JsonValue]) -> Distribution:
    listed = distribution.arguments if distribution.is_listed else ()
    if "around" in options and distribution.is_grid:
        raise ValueError("around has no effect on grid_search, which tries every value")
    if "around" in options and not all(is_number(value) for value in listed):
        raise ValueError(f"around needs a list of numbers, but {shown(list(listed))} has no order")
    around = check_options(options)
    if around is None:
        return distribution
    if listed:
        # A prior needs an order, so the values are drawn in theirs.
        if around not in listed:
            raise ValueError(f"around is {shown(around)}, but must be one of the list, {shown(list(listed))}")
        distribution = replace(distribution, arguments=tuple(sorted(listed)))
    else:
        low, high = distribution.bounds or (around, around)
        if not low <= around <= high:
            raise ValueError(f"around is {shown(around)}, but must be within the bounds, {low} to {high}")
    spread = SPREADS[str(options.get("confidence", "medium"))]
    return replace(distribution, prior=Prior(distribution.position(around), spread))


def is_among(value: object, listed: Iterable[object]) -> bool:
    """Return whether a list holds a value.

    `true` is not 1.
    """
    return any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in listed)


def _check_numeric(kind: str, arguments: list[JsonValue]) -> None:
    numeric = _NUMERIC[kind]
    expected, shape = (3, "[low, high, q]") if numeric.takes_q else (2, "[low, high]")
    if len(arguments) != expected:
        raise ValueError(f"{kind} takes {shape}, but was given {len(arguments)} values")
    numbers: list[int | float] = []
    for number in arguments:
        if not is_number(number):
            raise ValueError(f"{kind} takes finite numbers, but was given {shown(number)}")
        numbers.append(number)
    low, high = numbers[:2]
    excluded = " (high is excluded, as in Ray)" if numeric.is_whole else ""
    if not low < high:
        raise ValueError(f"{kind}: low must be below high{excluded}, but low is {low} and high is {high}")
    if not math.isfinite(high - low):
        raise ValueError(f"{kind}: high - low must be a finite number, but low is {low} and high is {high}")
    if numeric.is_log and low <= 0:
        raise ValueError(f"{kind}: low must be above 0, because log 0 is not a number, but is {low}")
    if numeric.is_whole and not all(float(number).is_integer() for number in numbers):
        raise ValueError(f"{kind} takes whole numbers, but was given {low} and {high}")
    if numeric.takes_q:
        _check_step(kind, *numbers)


def _check_step(kind: str, low: float, high: float, q: float) -> None:
    if q <= 0:
        raise ValueError(f"{kind}: q must be above 0, but is {q}")
    for name, bound in (("low", low), ("high", high)):
        steps = bound / q
        if not math.isfinite(steps) or abs(steps - round(steps)) > 1e-6:
            raise ValueError(f"{kind}: {name} must be a multiple of q, as in Ray, but {bound} is not one of {q}")


def _uniform(u: float, low: float, high: float) -> float:
    return min(low + u * (high - low), math.nextafter(high, low))


def _loguniform(u: float, low: float, high: float) -> float:
    # exp(log x) may differ from x in the last bit, and bounds are exact.
    return min(max(math.exp(_uniform(u, math.log(low), math.log(high))), low), math.nextafter(high, low))


def _quantised(draw: Callable[[float, float, float], float]) -> Callable[..., float]:
    def at(u: float, low: float, high: float, q: float) -> float:
        value = min(max(round(draw(u, low, high) / q) * q, low), high)
        # Fifteen digits remove the rounding error of the product: 0.3, not 0.30000000000000004.
        return value if isinstance(value, int) else float(f"{value:.15g}")

    return at


def _randint(u: float, low: float, high: float) -> int:
    return min(int(low) + math.floor(u * (high - low)), int(high) - 1)


def _lograndint(u: float, low: float, high: float) -> int:
    return min(max(math.floor(_loguniform(u, low, high)), int(low)), int(high) - 1)


@dataclass(frozen=True, slots=True)
class _Numeric:
    """Distribution of numbers between two bounds."""

    at: Callable[..., float]
    """Value at a quantile, given the arguments after it."""
    is_log: bool = False
    is_whole: bool = False
    """True for whole numbers, the high bound excluded."""
    takes_q: bool = False
    """True if a third argument is the step of the values."""


_NUMERIC = {
    "uniform": _Numeric(_uniform),
    "quniform": _Numeric(_quantised(_uniform), takes_q=True),
    "loguniform": _Numeric(_loguniform, is_log=True),
    "qloguniform": _Numeric(_quantised(_loguniform), is_log=True, takes_q=True),
    "randint": _Numeric(_randint, is_whole=True),
    "lograndint": _Numeric(_lograndint, is_log=True, is_whole=True),
}
_LISTED = ("choice", "grid_search")
KINDS = (*_NUMERIC, *_LISTED)
"""Names of all distributions."""
