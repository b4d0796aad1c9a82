"""Manifests: JSONL, CSV and TSV files that list recordings and their transcripts.

A manifest is read to its end, whatever is wrong with it: every bad row is a `Problem` with its `file:line`.
The recordings themselves are not looked at here.
"""

from __future__ import annotations

import contextlib
import csv
import difflib
import itertools
import json
import reprlib
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any, TypeAlias

from tune_asr.errors import DataError, Problem
from tune_asr.speech.files import reason_unusable

_REQUIRED = ("audio_filepath", "text")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Record: TypeAlias = Mapping[str, Any]  # a row as its file has it
Mistakes: TypeAlias = dict[int, str]  # the number of a bad line -> what is wrong with it


@dataclass(frozen=True, slots=True)
class Row:
    """One good row of a manifest.

    Attributes:
        place: `file:line`.
        id: the row's `id`, else the recording's name without its ending; unique within the manifest.
        audio: the recording; a relative path starts at the manifest's folder.
        audio_as_written: the recording as the manifest has it.
        text: the transcript as the manifest has it.
        duration: in seconds, where the manifest says it.
    """

    place: str
    id: str
    audio: Path
    audio_as_written: str
    text: str
    duration: float | None


def read_manifest(path: Path) -> tuple[list[Row], list[Problem]]:
    """Read a manifest: the good rows, and a `Problem` for each bad one.

    JSONL has one object a line: `{"audio_filepath": ..., "text": ..., "duration": ..., "id": ...}`, the last two
    optional. CSV and TSV have a header of the same names. Other keys are ignored, blank lines skipped.

    Raises:
        DataError: the manifest is missing, no ordinary file, empty, or of an unknown kind.
    """
    if reason := reason_unusable(path):
        raise DataError(Problem(str(path), f"the manifest {reason}", f"the path stands for {path.absolute()}"))
    if path.suffix.lower() not in _READERS:
        raise DataError(Problem(str(path), f"a manifest ends in {', '.join(_READERS)}, not in {path.suffix!r}"))

    mistakes: dict[int, str] = {}
    rows: list[Row] = []
    ids: set[str] = set()
    lines = _decoded_lines(path.read_bytes(), mistakes)
    for line, record in _READERS[path.suffix.lower()](lines, mistakes):
        if found := "; ".join(_mistakes_of(record)):
            mistakes[line] = found
        else:
            rows.append(_row(path, line, record, ids))
    if not rows and not mistakes:
        raise DataError(Problem(str(path), "the manifest holds no rows"))
    return rows, [Problem(f"{path}:{line}", what) for line, what in sorted(mistakes.items())]


def _decoded_lines(content: bytes, mistakes: Mistakes) -> list[str]:
    """Decode each line by itself, so that a bad one can be named; a blank takes its place."""
    lines = []
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), start=1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            mistakes[number] = f"not UTF-8: byte 0x{line[error.start]:02x} at column {error.start + 1}"
            text = ""
        if "\0" in text:
            mistakes[number] = "holds a NUL byte"
            text = ""
        lines.append(text)
    return lines


def _json_records(lines: list[str], mistakes: Mistakes) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            mistakes[number] = f"not JSON: {error.msg}, column {error.colno}"
        except (ValueError, RecursionError) as error:
            mistakes[number] = f"not JSON that can be read: {error}"
        else:
            if isinstance(record, dict):
                yield number, record
            else:
                mistakes[number] = (
                    f'a row is an object, {{"audio_filepath": ..., "text": ...}}, not {reprlib.repr(record)}'
                )


def _table_records(lines: list[str], mistakes: Mistakes, **dialect: Any) -> Iterator[tuple[int, Record]]:
    """Read a table whose first row that is not blank is the header. A quoted text may go over several lines."""
    reader = csv.reader((line + "\n" for line in lines), strict=True, **dialect)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mistakes[number] = f"not a row of a table: {error}"
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = cells
            if missing := "; ".join(_missing(header)):
                mistakes[number] = f"header: {missing}"
                return
        elif len(cells) != len(header):
            mistakes[number] = f"the row has {len(cells)} cells, the header {len(header)}"
        else:
            yield number, _typed(dict(zip(header, cells, strict=True)))


def _typed(cells: dict[str, str]) -> Record:
    """Give a table's cells the types that JSON's values have: an empty optional cell is absent, a duration a number."""
    record: dict[str, Any] = {key: cell for key, cell in cells.items() if cell or key in _REQUIRED}
    with contextlib.suppress(KeyError, ValueError):
        record["duration"] = float(record["duration"])
    return record


_READERS = {
    ".jsonl": _json_records,
    ".csv": _table_records,
    # Common Voice and its like write quotation marks into TSV as they are: there they quote nothing.
    ".tsv": partial(_table_records, delimiter="\t", quoting=csv.QUOTE_NONE),
}


def _missing(keys: Collection[str]) -> Iterator[str]:
    for key in _REQUIRED:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            yield f'"{key}" is missing' + (
                f': is "{near[0]}" meant for it?' if near else f" (there are: {', '.join(keys)})"
            )


def _mistakes_of(record: Record) -> Iterator[str]:
    """Say everything that is wrong with a row."""
    yield from _missing(record)
    for key in _REQUIRED:
        value = record.get(key, "absent")
        if not isinstance(value, str):
            yield f'"{key}" is {reprlib.repr(value)}: a text is wanted'
        elif not value.strip():
            yield f'"{key}" is empty'
    duration = record.get("duration")
    if duration is not None and not _is_positive_number(duration):
        yield f'"duration" is {reprlib.repr(duration)}: a positive number of seconds is wanted'
    if not isinstance(record.get("id"), str | int | None):
        yield f'"id" is {reprlib.repr(record["id"])}: a text or an integer is wanted'


def _is_positive_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= sys.float_info.max


def _row(path: Path, line: int, record: Record, ids: set[str]) -> Row:
    audio = record["audio_filepath"]
    given = record.get("id")
    name = audio.removesuffix(PurePath(audio).suffix) if given in (None, "") else str(given)
    unique = next(candidate for candidate in _numbered(name) if candidate not in ids)
    ids.add(unique)
    return Row(f"{path}:{line}", unique, path.parent.absolute() / audio, audio, record["text"], record.get("duration"))


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}#{number}" for number in itertools.count(2))
