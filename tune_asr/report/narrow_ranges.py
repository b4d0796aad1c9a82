"""Searched ranges that end at the winner: a better value may lie outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, TypeGuard

from tune_asr.space.distributions import Distribution

End = Literal["lower", "upper"]
_NEAR = 0.05
"""Share of a range, at each end, in which a winner is a reason to search beyond."""


def narrow_ranges(distributions: Mapping[str, Distribution], params: Mapping[str, object]) -> dict[str, End]:
    """Return searched ranges that end at the winner.

    Args:
        distributions: distribution of each searched key.
        params: values of the winner.

    Returns:
        End of the range at which the winner is, by key.
    """
    ends = {
        key: _end(distribution, value)
        for key, distribution in distributions.items()
        if is_number(value := params.get(key))
    }
    return {key: end for key, end in ends.items() if end}


def beyond(distribution: Distribution, end: End) -> float:
    """Return a value a little outside a distribution."""
    outward = 1 if end == "upper" else -1
    if distribution.is_listed:
        edge, inner = sorted(distribution.arguments, reverse=end == "upper")[:2]
        step, is_log = abs(inner - edge), edge > 0
        is_whole = all(isinstance(value, int) for value in distribution.arguments)
    else:
        low, high = distribution.bounds or (0.0, 0.0)
        edge, step = (low if end == "lower" else high), _NEAR * (high - low)
        is_log, is_whole = distribution.is_log, distribution.is_whole
    if is_whole:
        return int(edge) + outward
    return float(edge * 2.0**outward if is_log else edge + outward * step)


def _end(distribution: Distribution, value: float) -> End | None:
    """Return the end of the distribution at `value`, or None."""
    if distribution.is_listed:
        return _end_of_list(distribution.arguments, value)
    if distribution.bounds is None:
        return None
    low, high = distribution.bounds
    value = min(max(value, low), high)  # the ledger may have been changed by hand
    if distribution.is_log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    if low == high:
        return None
    place = (value - low) / (high - low)
    return "lower" if place <= _NEAR else "upper" if place >= 1 - _NEAR else None


def _end_of_list(listed: Sequence[Any], value: float) -> End | None:
    """Return the end of a list at `value`, or None."""
    ordered = all(map(is_number, listed)) and (
        all(a < b for a, b in pairwise(listed)) or all(a > b for a, b in pairwise(listed))
    )
    # Of two choices, each is an end.
    if not ordered or len(listed) < 3:
        return None
    return "lower" if value == min(listed) else "upper" if value == max(listed) else None


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number, and not boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)
