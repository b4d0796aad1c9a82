"""Start, end and channel of an utterance in its recording."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeGuard

from tune_asr.speech.manifest.fields import NUMBERS, Record, field_names
from tune_asr.speech.manifest.values import shown

CHANNEL_IF_SEVERAL = "channel_if_several"
"""Key of a record: channel that is left out if the recording has but one.

Kaldi's recipes write the commands in wav.scp so that each gives one channel, and so do the files made of them.
"""
MAX_SECONDS = 1e9
"""Thirty years. More is a slip, and its samples may exceed a float."""
ROUNDED_SECONDS = 0.001
"""Tolerance between an end and offset plus duration, since all are rounded."""
_WORDS = ("start", "begin", "end", "stop", "offset", "duration")
_CLOCKS = frozenset({"end_time", "stop_time"})
_NUMBER = re.compile(r"\d+(\.\d+)?")
_CHANNEL = re.compile(r"\s*[0-9]{1,4}\s*")
_MICROSECONDS = 6  # digits of a difference of decimals above the noise of their binary form


def duration_of(fields: Record) -> float | None:
    """Return a good row's duration, from its `end` if necessary."""
    duration: float | None = fields.get("duration")
    if duration is None and (end := fields.get("end")) is not None:
        return _between(fields.get("offset"), end)
    return duration


def span_mistakes(fields: Record, written: Mapping[str, str]) -> Iterator[str]:
    """Yield all mistakes of `duration`, `offset` and `end`.

    Args:
        fields: row by our names.
        written: names of the fields in the row, quoted.
    """
    duration, offset, end = (fields.get(field) for field in ("duration", "offset", "end"))
    for field, value in (("duration", duration), ("end", end)):
        if value is not None and not (is_number(value) and value > 0):
            yield f"{written[field]} is {shown(value)}, but must be a positive number of seconds"
    if offset is not None and not (is_number(offset) and offset >= 0):
        yield f"{written['offset']} is {shown(offset)}, but must be a number of seconds, 0 or more"
    for field in sorted(NUMBERS):
        if is_number(value := fields.get(field)) and value > MAX_SECONDS:
            yield f"{written[field]} is {shown(value)}, but must be in seconds, a thousand million at most"
    if not (is_number(end) and end > 0 and is_number(offset or 0)):
        return
    lasts = _between(offset, end)
    begins = f"{written['offset']}, {shown(offset)}" if offset else "the recording's start"
    if offset and lasts <= 0:
        yield f"{written['end']} is {shown(end)}, but must be above {begins}"
    elif is_number(duration) and round(abs(duration - lasts), _MICROSECONDS) > ROUNDED_SECONDS:
        yield (
            f"{written['end']} is {shown(end)}, {lasts:g} s after {begins}, but {written['duration']} is "
            f"{shown(duration)}; correct them, or keep one"
        )


def channel_of(fields: Record, record: Record) -> int | None:
    """Return a good row's channel, from 0, or None."""
    channel = fields.get("channel", record.get(CHANNEL_IF_SEVERAL))
    return None if channel in (None, "", []) else int(channel)


def channel_mistakes(fields: Record) -> Iterator[str]:
    """Yield the mistake of a channel without a number."""
    channel = fields.get("channel")
    if channel in (None, "", []) or (isinstance(channel, str) and _CHANNEL.fullmatch(channel)):
        return
    if not is_number(channel) or channel != int(channel) or channel < 0:
        hint = "rename the key if it means something else"
        yield f'"channel" is {shown(channel)}, but must be the number of a channel, counted from 0; {hint}'


def unread_end(record: Record, fields: Record) -> Iterator[str]:
    """Yield a mistake for an end under an unread name.

    The utterance would silently reach to the end of its recording.
    """
    if fields.get("offset") in (None, "") or any(fields.get(field) not in (None, "") for field in ("duration", "end")):
        return
    for name in (key for key in record if key.strip().lower() in _CLOCKS and record[key] not in (None, "")):
        yield f'"{name}" is not read, since it may be a time of day; if it is in seconds, call it "end"'


def unread_names(record: Record) -> tuple[str, ...]:
    """Return unread numbers with names like a start or end."""
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


def is_number(value: object) -> TypeGuard[float]:
    """Return True for a finite number."""
    # An integer may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
