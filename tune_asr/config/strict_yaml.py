"""Strict YAML: safe values only, each with its line.

Refused, with the line: duplicate keys, anchors and aliases, tags, keys that are not text, control characters, more than
one document, nesting deeper than `MAX_DEPTH`, more than `MAX_VALUES` values, files above `MAX_BYTES`.

PyYAML's events are judged here instead of ruamel.yaml's nodes: anything deep or large is refused before it is built,
and Ray depends on PyYAML already.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue

from tune_asr.config.scalars import scalar
from tune_asr.errors import ConfigError, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_VALUES = 5_000

Keys = tuple[str | int, ...]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# libyaml, if PyYAML was built with it, is twenty times faster on long files and gives the same events.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """Values of one file, and the line of each.

    `lines[("optimizer", "lr")]` counts from 1.
    """

    name: str
    values: dict[str, JsonValue]
    lines: dict[Keys, int]
    folder: Path = field(default_factory=Path.cwd)
    """Folder of relative paths in the file."""
    above: Keys = ()
    """Keys of `values` in the file if they are a part of it."""

    def place(self, keys: Keys) -> str:
        """Return `file:line: key.path`.

        The line is that of the key, or of the nearest one above it.
        """
        known = keys = (*self.above, *keys)
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known)
        where = f"{self.name}:{line}" if line else self.name
        return f"{where}: {dotted(keys)}" if keys else where

    def part(self, key: str, values: Mapping[str, JsonValue]) -> Document:
        """Return the mapping below a key of the file.

        Args:
            key: key of the top level.
            values: values below it, perhaps with defaults that the file lacks.
        """
        return replace(self, values=dict(values), above=(*self.above, key))


def dotted(keys: Keys) -> str:
    """Join keys: `("optimizer", "betas", 0)` -> `optimizer.betas.0`."""
    return ".".join(map(str, keys))


def read(path: Path, *, room: int = 1) -> Document:
    """Read one YAML file whose top level is a mapping.

    Args:
        path: path of the file.
        room: factor on the limits above; a file that holds two others needs the room of both.

    Raises:
        ConfigError: file missing, not a plain file, too large, empty, not UTF-8, or against a rule above.
    """
    name = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    document = parse(_read_text(path, name, room * MAX_BYTES), name, room=room)
    return replace(document, folder=path.absolute().parent)


def parse(text: str, name: str, *, room: int = 1) -> Document:
    """Read a mapping from YAML text, called `name` in messages."""
    builder = _Builder(name, room=room)
    values = builder.build(text)
    if values is None:
        raise ConfigError(Problem(f"{name}:1", "the file is empty", "Write {} for an empty mapping."))
    if not isinstance(values, dict):
        raise ConfigError(Problem(f"{name}:1", f"the top level is {_kind(values)}, but must be a mapping of sections"))
    return Document(name, values, builder.lines)


def parse_value(text: str, name: str) -> JsonValue:
    """Read one value, such as `1e-3` or `cosine`."""
    return _Builder(name, numbered=False).build(text)


def _read_text(path: Path, name: str, max_bytes: int) -> str:
    try:
        status = path.stat()
        # A pipe or a device would block or never end.
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(Problem(name, "not a file", "Give the path of a YAML file."))
        if status.st_size > max_bytes:
            raise ConfigError(Problem(name, f"{status.st_size:,} bytes, but a configuration may have {max_bytes:,}"))
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(Problem(name, f"no such file (looked for {path.absolute()})")) from None
    except UnicodeDecodeError as error:
        raise ConfigError(Problem(name, f"not UTF-8 text (byte {error.start})", "Save it as UTF-8.")) from None
    except OSError as error:
        raise ConfigError(Problem(name, f"cannot be read: {error.strerror}")) from None


class _Builder:
    """Values from YAML events, each judged before it is built."""

    def __init__(self, name: str, *, numbered: bool = True, room: int = 1) -> None:
        self.name = name
        self.max_depth, self.max_values = room * MAX_DEPTH, room * MAX_VALUES
        self.numbered = numbered
        self.lines: dict[Keys, int] = {}

    def build(self, text: str) -> JsonValue:
        """Return the value of a document, or None."""
        try:
            events = iter(yaml.parse(text, Loader=_LOADER))
            next(events)  # the stream starts
            if isinstance(next(events), yaml.StreamEndEvent):
                return None
            value = self._value(next(events), events, ())
            next(events)  # the document ends
            extra = next(events)
            if not isinstance(extra, yaml.StreamEndEvent):
                raise self._problem(extra, (), "a second document begins", "Remove the ---: one document per file.")
            return value
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark and "nesting depth" in str(error.problem):  # libyaml 0.2.6 has a limit of its own, above ours
                raise self._too_deep(mark.line + 1) from None
            lines = text.splitlines() or [""]
            # An unclosed bracket is reported after the last line.
            line = min(mark.line + 1, len(lines)) if mark else 1
            hint = "" if self.numbered else "Write the value as in YAML; put text with brackets or quotes in quotes."
            hint = "Indent with spaces, not tabs." if "\t" in lines[line - 1] else hint
            raise ConfigError(Problem(self._place(line), f"not YAML: {error.problem or error}", hint)) from None
        except yaml.reader.ReaderError as error:
            line = text.encode()[: error.position].count(b"\n") + 1
            raise ConfigError(Problem(self._place(line), "control characters are not allowed")) from None

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], keys: Keys) -> JsonValue:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._problem(event, keys, "anchors and aliases (& and *) are not allowed", "Write the value out.")
        if getattr(event, "tag", None):
            raise self._problem(event, keys, f"tags are not allowed: {event.tag}", "Write a plain value.")  # type: ignore[attr-defined]
        self.lines.setdefault(keys, _line_of(event))
        if len(self.lines) > self.max_values:
            raise self._problem(event, (), f"more than {self.max_values:,} values", "Remove some of them.")
        if isinstance(event, yaml.ScalarEvent):
            if _CONTROL.search(event.value):
                raise self._problem(event, keys, "control characters are not allowed", "Write plain text.")
            return scalar(event.value) if event.implicit[0] else event.value
        if len(keys) >= self.max_depth:
            raise self._too_deep(_line_of(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, keys)
        return self._mapping(events, keys)

    def _sequence(self, events: Iterator[yaml.Event], keys: Keys) -> list[JsonValue]:
        items: list[JsonValue] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*keys, len(items))))
        return items

    def _mapping(self, events: Iterator[yaml.Event], keys: Keys) -> dict[str, JsonValue]:
        mapping: dict[str, JsonValue] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise self._problem(event, keys, "a key must be plain text", "Write a plain word.")
            key = event.value
            if _CONTROL.search(key):
                raise self._problem(event, keys, "control characters are not allowed in a key", "Write plain text.")
            if event.implicit[0] and not isinstance(scalar(key), str):
                raise self._problem(event, keys, f"the key {key or 'null'} is not text", f'Write "{key}" in quotes.')
            if key in mapping:
                first = self.lines[*keys, key]
                raise self._problem(event, (*keys, key), f"given twice, first on line {first}", "Keep one of them.")
            self.lines[*keys, key] = _line_of(event)
            mapping[key] = None
            mapping[key] = self._value(next(events), events, (*keys, key))
        return mapping

    def _problem(self, event: yaml.Event, keys: Keys, what: str, hint: str) -> ConfigError:
        place = self._place(_line_of(event))
        return ConfigError(Problem(f"{place}: {dotted(keys)}" if keys else place, what, hint))

    def _too_deep(self, line: int) -> ConfigError:
        return ConfigError(Problem(self._place(line), f"nested more than {self.max_depth} deep", "Flatten it."))

    def _place(self, line: int) -> str:
        return f"{self.name}:{line}" if self.numbered else self.name


def _line_of(event: yaml.Event) -> int:
    assert event.start_mark is not None
    return event.start_mark.line + 1


def _kind(value: JsonValue) -> str:
    # Its text is not shown: it may be any file, named by mistake.
    return "a list" if isinstance(value, list) else "plain text" if isinstance(value, str) else "a single value"
