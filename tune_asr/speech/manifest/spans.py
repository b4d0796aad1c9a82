"""From where to where in its recording an utterance goes, as a row of a manifest says it: in seconds."""

from __future__ import annotations

import difflib
import re
import reprlib
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeGuard

from tune_asr.speech.manifest.fields import NUMBERS, Record, field_names

MAX_SECONDS = 1e9
"""Thirty years: more is a slip, and its number of samples may be too large for a float."""
ROUNDED_SECONDS = 0.001
"""By so much an end may differ from offset plus duration, since each of them is rounded: a sample or more."""
_WORDS = ("start", "begin", "end", "stop", "offset", "duration")
_CLOCKS = frozenset({"end_time", "stop_time"})
_NUMBER = re.compile(r"\d+(\.\d+)?")
_MICROSECONDS = 6  # the digits of a difference of two decimals that are not noise of their binary form


def duration_of(fields: Record) -> float | None:
    """Return how long the utterance of a good row lasts: its `duration`, or from its `offset`, or 0, to its `end`."""
    duration: float | None = fields.get("duration")
    if duration is None and (end := fields.get("end")) is not None:
        return _between(fields.get("offset"), end)
    return duration


def span_mistakes(fields: Record, written: Mapping[str, str]) -> Iterator[str]:
    """Say everything that is wrong with `duration`, `offset` and `end`; `written` has their names in the row."""
    duration, offset, end = (fields.get(field) for field in ("duration", "offset", "end"))
    for field, value in (("duration", duration), ("end", end)):
        if value is not None and not (_is_number(value) and value > 0):
            yield f"{written[field]} is {reprlib.repr(value)}: a positive number of seconds is wanted"
    if offset is not None and not (_is_number(offset) and offset >= 0):
        yield f"{written['offset']} is {reprlib.repr(offset)}: a number of seconds from 0 on is wanted"
    for field in sorted(NUMBERS):
        if _is_number(value := fields.get(field)) and value > MAX_SECONDS:
            yield f"{written[field]} is {reprlib.repr(value)}: seconds are wanted, a thousand million at most"
    if not (_is_number(end) and end > 0 and _is_number(offset or 0)):
        return
    lasts = _between(offset, end)
    begins = f"{written['offset']}, {reprlib.repr(offset)}" if offset else "the recording's start"
    if offset and lasts <= 0:
        yield f"{written['end']} is {reprlib.repr(end)}, but must be above {begins}"
    elif _is_number(duration) and round(abs(duration - lasts), _MICROSECONDS) > ROUNDED_SECONDS:
        yield (
            f"{written['end']} is {reprlib.repr(end)}, {lasts:g} s behind {begins}, but {written['duration']} is "
            f"{reprlib.repr(duration)}: correct them, or keep one"
        )


def unread_end(record: Record, fields: Record) -> Iterator[str]:
    """Say that a part's end stands under a name that is not read: it would reach to the end of its recording."""
    if fields.get("offset") in (None, "") or any(fields.get(field) not in (None, "") for field in ("duration", "end")):
        return
    for name in (key for key in record if key.strip().lower() in _CLOCKS and record[key] not in (None, "")):
        yield f'"{name}" is not read, for it may be a time of day: where it is in seconds, call it "end"'


def unread_names(record: Record) -> tuple[str, ...]:
    """Return the names of a row's numbers that are not read, and are called as if they said where a part lies."""
    names = _like_spans(tuple(record))
    return tuple(name for name in names if _NUMBER.fullmatch(str(record[name]).strip()))


@lru_cache(maxsize=256)
def _like_spans(keys: tuple[str, ...]) -> tuple[str, ...]:
    read = {name for names in field_names(keys).values() for name in names}

    def is_like_one(key: str) -> bool:
        words = re.findall("[a-z]+", key.lower())
        return any(difflib.get_close_matches(word, _WORDS, cutoff=0.8) for word in words)

    return tuple(key for key in keys if key not in read and is_like_one(key))


def _between(offset: float | None, end: float) -> float:
    return round(end - (offset or 0), _MICROSECONDS)


def _is_number(value: Any) -> TypeGuard[float]:
    # An integer may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
