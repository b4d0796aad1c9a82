"""Values and mistakes of JSON in words."""

from __future__ import annotations

import json
import math
import reprlib


class _Shown(reprlib.Repr):
    """Shortened values, with the words of JSON instead of Python's."""

    def repr_NoneType(self, value: None, level: int) -> str:
        return "null"

    def repr_bool(self, value: bool, level: int) -> str:
        return "true" if value else "false"

    def repr_float(self, value: float, level: int) -> str:
        if math.isfinite(value):
            return repr(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


shown = _Shown().repr
"""Function from a value of a row to a short text."""


def why_not_json(error: ValueError | RecursionError) -> str:
    """Return why a text is not JSON, without its place."""
    if isinstance(error, RecursionError):
        return "brackets are nested too deep"
    if not isinstance(error, json.JSONDecodeError):
        return "a number has too many digits" if "digits" in str(error) else str(error)
    if error.msg.startswith("Expecting property name") or error.msg == "Expecting value":
        following = error.doc[error.pos : error.pos + 1]
        if following and following in "]}" and error.doc[: error.pos].rstrip().endswith(","):
            return f"a comma stands before {following}"
        if following == "'":
            return "text stands in single quotation marks, but must have double ones"
    return error.msg
