"""The bytes of a JSONL, CSV or TSV manifest as records, each with the number of its line.

What is no record is noted as a mistake, and reading goes on behind it.
"""

from __future__ import annotations

import contextlib
import csv
import difflib
import json
import reprlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

REQUIRED_KEYS = ("audio_filepath", "text")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Record: TypeAlias = Mapping[str, Any]
Mistakes: TypeAlias = dict[int, str]  # number of the line -> what is wrong with it
Reader: TypeAlias = Callable[[bytes, Mistakes], Iterator[tuple[int, Record]]]


def missing_keys(keys: Collection[str]) -> Iterator[str]:
    """Yield a phrase for each required key that `keys` lacks, with the key that was meant for it or all there are."""
    for key in REQUIRED_KEYS:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            yield f'"{key}" is missing ' + (f'(is it "{near[0]}"?)' if near else f"(there are: {', '.join(keys)})")


def _json_records(content: bytes, mistakes: Mistakes) -> Iterator[tuple[int, Record]]:
    """Read JSON lines: an object each."""
    for number, line in enumerate(_decoded_lines(content, mistakes), start=1):
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
                mistakes[number] = f"not an object with the keys {', '.join(REQUIRED_KEYS)}: {reprlib.repr(record)}"


def _table_records(content: bytes, mistakes: Mistakes, **dialect: Any) -> Iterator[tuple[int, Record]]:
    """Read a table whose first row, blank ones aside, is the header."""
    reader = csv.reader((f"{line}\n" for line in _decoded_lines(content, mistakes)), strict=True, **dialect)
    header: list[str] = []
    while True:
        number = reader.line_num + 1  # of the row's first line: a quoted text may go over several
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
            if missing := "; ".join(missing_keys(header)):
                mistakes[number] = f"header: {missing}"
                return
        elif len(cells) != len(header):
            mistakes[number] = f"the row has {len(cells)} cells, the header {len(header)}"
        else:
            yield number, _typed(dict(zip(header, cells, strict=True)))


READERS: Mapping[str, Reader] = {
    ".jsonl": _json_records,
    ".csv": _table_records,
    # Common Voice and its like write quotation marks into TSV as they are: there they quote nothing.
    ".tsv": partial(_table_records, delimiter="\t", quoting=csv.QUOTE_NONE),
}


def _typed(cells: dict[str, str]) -> Record:
    """Give cells the types that JSON has: an empty one that may be absent is absent, a duration is a number."""
    record: dict[str, Any] = {key: cell for key, cell in cells.items() if cell or key in REQUIRED_KEYS}
    with contextlib.suppress(KeyError, ValueError):
        record["duration"] = float(record["duration"])
    return record


def _decoded_lines(content: bytes, mistakes: Mistakes) -> Iterator[str]:
    """Decode each line by itself, so that a bad one can be named; a blank one takes its place."""
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), start=1):
        text = ""
        if b"\0" in line:
            mistakes[number] = "holds a NUL byte"
        else:
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                mistakes[number] = f"not UTF-8: byte 0x{line[error.start]:02x}, column {error.start + 1}"
        yield text
