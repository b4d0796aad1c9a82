"""JSON documents, an object of utterances by their ids as of SpeechBrain -> records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.fields import Record, field_names
from tune_asr.speech.manifest.lines import Lines, Mistakes
from tune_asr.speech.manifest.values import shown, why_not_json

_LINES = "Write one utterance a line: jq -c . OLD > NEW.jsonl, or an object of utterances by their ids."
_BLANK = re.compile(r"[ \t\n\r]*")


class RepeatedKeyError(ValueError):
    """A key has two different values in one object."""


def strict_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of JSON.

    Raises:
        RepeatedKeyError: a key is repeated with another value.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, value in pairs:
            if value != found[key]:
                raise RepeatedKeyError(f'"{key}" is given twice, as {shown(value)} and {shown(found[key])}')
    return found


STRICT = json.JSONDecoder(object_pairs_hook=strict_object)
"""Decoder that refuses repeated keys."""
LENIENT = json.JSONDecoder()
"""Decoder that takes the last of repeated keys, as release 0.1.0 did."""


def is_document(line: str) -> bool:
    """Return True if a line begins an object of objects.

    Args:
        line: first line that is not blank.
    """
    if line.strip() == "{":
        return True
    try:
        found = LENIENT.decode(line)
    except json.JSONDecodeError as error:
        return line.lstrip().startswith("{") and error.pos >= len(line.rstrip())
    except (ValueError, RecursionError):
        return False
    is_nested = isinstance(found, dict) and found and all(isinstance(value, dict) for value in found.values())
    return bool(is_nested) and not field_names(tuple(found))


def read_document(path: Path, lines: Lines, mistakes: Mistakes) -> Iterator[tuple[int, Record]]:
    """Yield the utterances of an object, each with its line.

    Raises:
        DataError: it is no object of objects.
    """
    numbers, texts = [], []
    for number, line in lines:
        numbers.append(number)
        texts.append(line)
    content = "\n".join(texts)
    first_lines: dict[str, int] = {}
    for index, name, value in _members(path, content, numbers):
        number = numbers[index]
        if name in first_lines:
            mistakes.append(((str(path), number), f"{shown(name)} is repeated, first in line {first_lines[name]}"))
        elif isinstance(value, str):
            mistakes.append(((str(path), number), value))
        else:
            yield number, _utterance(name, value)
        first_lines.setdefault(name, number)


def _utterance(name: str, value: Record) -> Record:
    return {**value, "id": name} if "id" not in field_names(tuple(value)) else value


def _members(path: Path, content: str, numbers: list[int]) -> Iterator[tuple[int, str, Record | str]]:
    """Yield index of the line, name and value of members.

    The value is a sentence if it is unusable.
    """

    def fail(at: int, what: str, hint: str = "") -> DataError:
        line = numbers[min(content.count("\n", 0, at), len(numbers) - 1)]
        return DataError(Problem(f"{path}:{line}", what, hint))

    line, counted = 0, 0
    at = _skip(content, _skip(content, 0) + 1)
    while content[at : at + 1] != "}":
        line, counted = line + content.count("\n", counted, at), at
        try:
            name, end = LENIENT.raw_decode(content, at)
            end = _skip(content, end)
            if not isinstance(name, str) or content[end : end + 1] != ":":
                raise json.JSONDecodeError("Expecting a name and ':'", content, at)
            start = _skip(content, end + 1)
            value, end = _value(content, start)
        except json.JSONDecodeError as error:
            raise fail(error.pos, f"not JSON: {why_not_json(error)}") from error
        except (ValueError, RecursionError) as error:
            raise fail(at, f"not JSON: {why_not_json(error)}") from error
        if not isinstance(value, dict | str) or content[start] == '"':
            if field_names((name,)):
                raise fail(at, "the object reaches over several lines, and a manifest has one object a line", _LINES)
            raise fail(at, f"an object over several lines whose {shown(name)} is no utterance", _LINES)
        yield line, name, value
        at = _skip(content, end)
        if content[at : at + 1] == ",":
            at = _skip(content, at + 1)
        elif content[at : at + 1] != "}":
            raise fail(at, "not JSON: the object of utterances is not closed")
    at = _skip(content, at + 1)
    if at < len(content):
        raise fail(at, "more follows the object of utterances", "Write one object a file.")


def _value(content: str, start: int) -> tuple[object, int]:
    try:
        return STRICT.raw_decode(content, start)
    except RepeatedKeyError as error:
        return str(error), LENIENT.raw_decode(content, start)[1]


def _skip(content: str, at: int) -> int:
    found = _BLANK.match(content, at)
    return found.end() if found else at
