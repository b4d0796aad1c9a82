"""JSONL, CSV or TSV bytes -> records with line numbers.

A bad line is recorded as a mistake, and the next one is read.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import json
import reprlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from tune_asr.speech.manifest.fields import (
    NUMBERS,
    REQUIRED,
    Record,
    conflict,
    field_names,
    missing_fields,
)
from tune_asr.wording import count

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Mistakes: TypeAlias = dict[int, str]  # number of the line -> what is wrong with it
Reader: TypeAlias = Callable[[bytes, Mistakes], Iterator[tuple[int, Record]]]


def decoded_lines(content: bytes, mistakes: Mistakes) -> Iterator[str]:
    """Decode each line alone; bad ones become blank."""
    if content.startswith(_UTF_16):
        # One mistake for all lines: each of them holds NUL bytes.
        mistakes[1] = "the file is UTF-16; save it as UTF-8"
        return
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        text = ""
        if b"\0" in line:
            mistakes[number] = "holds a NUL byte, as UTF-16 does; a manifest is UTF-8"
        else:
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                mistakes[number] = f"not UTF-8: byte 0x{line[error.start]:02x}, column {error.start + 1}"
        yield text


def _json_records(content: bytes, mistakes: Mistakes) -> Iterator[tuple[int, Record]]:
    """Read one JSON object per line."""
    for number, line in enumerate(decoded_lines(content, mistakes), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            mistakes[number] = f"not JSON: {error.msg}, column {error.colno}"
        except (ValueError, RecursionError) as error:
            mistakes[number] = f"unreadable JSON: {error}"
        else:
            if isinstance(record, dict):
                yield number, record
            else:
                mistakes[number] = f"not an object with the keys {', '.join(REQUIRED)}: {reprlib.repr(record)}"


def _table_records(
    content: bytes, mistakes: Mistakes, *, delimiter: str = ",", **dialect: Any
) -> Iterator[tuple[int, Record]]:
    """Read a table headed by its first row not blank."""
    lines = (f"{line}\n" for line in decoded_lines(content, mistakes))
    reader = csv.reader(lines, strict=True, delimiter=delimiter, **dialect)
    header: list[str] = []
    numbers: list[str] = []
    while True:
        number = reader.line_num + 1  # of the row's first line: a quoted text may span several
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mistakes[number] = f"not a row of a table: {error}"
            if not header and (other := _other_separator(content, delimiter)):
                mistakes[number] = other
                return
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = cells
            names = field_names(tuple(header))
            wrong = [*missing_fields(header), *(conflict(those) for those in names.values() if len(those) > 1)]
            if wrong:
                mistakes[number] = _other_separator(content, delimiter) or f"header: {'; '.join(wrong)}"
                return
            numbers = [those[0] for field, those in names.items() if field in NUMBERS]
        elif len(cells) != len(header):
            mistakes[number] = f"the row has {count(len(cells), 'cell')}, but the header has {len(header)}"
        else:
            yield number, _typed(dict(zip(header, cells, strict=True)), numbers)


def _other_separator(content: bytes, delimiter: str) -> str:
    """Return the mistake of a header with other separators.

    Empty if the separators are right.
    """
    header = next((line for line in decoded_lines(content, {}) if line.strip()), "")

    def cells(separator: str) -> tuple[str, ...]:
        return tuple(cell.strip().strip('"') for cell in header.split(separator))

    own = cells(delimiter)
    name, ending = _SEPARATORS[delimiter]
    for other, (others_name, others_ending) in _SEPARATORS.items():
        found = cells(other)
        if len(field_names(found)) > len(field_names(own)) or len(own) == 1 < len(found):
            hint = f"save it with {name}" + (f", or name it {others_ending}" if others_ending else "")
            return f"header: its columns seem to be separated by {others_name}, but {ending} has {name}; {hint}"
    return ""


# By character: its name, and the ending of such tables.
_SEPARATORS = {",": ("commas", ".csv"), ";": ("semicolons", ""), "\t": ("tabs", ".tsv")}

READERS: Mapping[str, Reader] = {
    ".jsonl": _json_records,
    ".csv": _table_records,
    # In the TSV of Common Voice and others, quotation marks are plain characters.
    ".tsv": partial(_table_records, delimiter="\t", quoting=csv.QUOTE_NONE),
}


def _typed(cells: dict[str, str], numbers: list[str]) -> Record:
    """Convert the cells of numbers; empty ones are dropped."""
    record: dict[str, str | float] = {name: cell for name, cell in cells.items() if cell or name not in numbers}
    for name in numbers:
        with contextlib.suppress(KeyError, ValueError):
            record[name] = float(record[name])
    return record
