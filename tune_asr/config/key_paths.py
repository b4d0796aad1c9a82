"""Paths in the value of a key: one, a list of them, or a mapping such as lhotse's pair."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue


def is_hold_out(value: object) -> bool:
    """Return True for a `data.val` that names no path."""
    return isinstance(value, dict) and "hold_out" in value


def map_paths(value: JsonValue, change: Callable[[str], JsonValue]) -> JsonValue:
    """Return a value with each of its paths changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [map_paths(one, change) for one in value]
    if isinstance(value, dict) and not is_hold_out(value):
        return {key: map_paths(one, change) for key, one in value.items()}
    return value


def paths_in(value: JsonValue) -> list[str]:
    """Return all paths in a value."""
    found: list[str] = []
    map_paths(value, found.append)
    return found
