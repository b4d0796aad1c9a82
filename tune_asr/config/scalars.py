"""Plain scalars as values, and values as text of messages.

YAML 1.2 instead of PyYAML's YAML 1.1: `1e-3` is a number, `no` is text, `010` is ten, `1:30` and dates are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# Digits may be grouped as in Python: 1_000.
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_INTEGER = re.compile(rf"[-+]?{_DIGITS}")
_BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+")
_FLOAT = re.compile(rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
# A longer integer has no float, and above 4300 digits Python refuses to read it.
_LONGEST_NUMBER = 300
_LONGEST_SHOWN = 60
_NOT_FINITE = {"nan", "inf", "infinity"}


def scalar(text: str) -> str | int | float | None:
    """Return the value of a plain (unquoted) scalar."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text.lower() in _SPECIAL:
        return float(_SPECIAL[text.lower()])
    return text


def shown(value: object) -> str:
    """Return a value as people write it, shortened if long."""
    if isinstance(value, dict):
        return "a mapping"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def identity(value: JsonValue | Mapping[str, JsonValue]) -> str:
    """Return a text, equal for equal values or settings alone.

    5 equals 5.0: a space may list one, and a configuration hold the other. `true` is not 1.
    """
    return json.dumps(_in_shortest_digits(value), sort_keys=True)


def _in_shortest_digits(value: JsonValue | Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_in_shortest_digits(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _in_shortest_digits(item) for key, item in value.items()}
    return value


def rule_in_words(message: str) -> str:
    """Return the rule of a message of pydantic."""
    rule = message.removeprefix("Input should be ")
    if rule.startswith("greater than or equal to "):
        return f"{rule.removeprefix('greater than or equal to ')} or more"
    for theirs, ours in (("greater than", "above"), ("less than or equal to", "at most"), ("less than", "below")):
        rule = f"{ours}{rule.removeprefix(theirs)}" if rule.startswith(theirs) else rule
    return rule


def is_written_non_finite(value: object) -> bool:
    """Recognise text such as `nan`, which YAML writes `.nan`."""
    return isinstance(value, str) and value.strip("+-.").lower() in _NOT_FINITE
