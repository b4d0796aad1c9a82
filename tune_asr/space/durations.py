"""Durations as people write them: 90s, 10m, 1h30m, 2d."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_PATTERN = re.compile("".join(rf"(?:(\d+(?:\.\d+)?)\s*{unit}\s*)?" for unit in _SECONDS))
RULE = "must be a duration above 0 such as 90s, 10m, 1h30m or 2d"


def seconds_of(text: str) -> float:
    """Return the seconds of a duration.

    Raises:
        ValueError: the text is not a duration.
    """
    match = _PATTERN.fullmatch(text.strip().lower())
    amounts = match.groups() if match else ()
    seconds = sum(float(amount or 0) * unit for amount, unit in zip(amounts, _SECONDS.values(), strict=False))
    if not seconds:
        raise ValueError(RULE)
    return seconds


def written(seconds: float) -> str:
    """Return a duration of whole seconds, as people write it."""
    parts, rest = [], round(seconds)
    for unit, length in _SECONDS.items():
        number, rest = divmod(rest, round(length))
        parts += [f"{number}{unit}"] if number else []
    return "".join(parts) or "0s"


def _checked(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(RULE)
    seconds_of(value)
    return value


Duration = Annotated[str, BeforeValidator(_checked)]
"""Text of a duration in a YAML file."""
