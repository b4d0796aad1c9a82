"""Rows of a table, one a line, and quotation marks that are not closed in theirs.

An unclosed mark is a mistake at its line. The lines after it, which other readers take for the rest of the cell, are
rows of their own, unless they only make sense as that cell.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tune_asr.speech.manifest.lines import Lines, Mistakes
from tune_asr.wording import count

_MARKS = re.compile('"+')
_MOST_LINES = 1000  # of a cell; the lines of a longer one are read as rows


class Dialect(NamedTuple):
    """Rules of a table's cells."""

    delimiter: str
    is_quoted: bool
    """False: quotation marks are plain characters."""
    skips_blanks: bool = False
    """Blanks after a delimiter are no part of the cell."""

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Return a strict reader of lines."""
        return csv.reader(
            lines,
            strict=True,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.is_quoted else csv.QUOTE_NONE,
            skipinitialspace=self.skips_blanks,
        )

    def cells(self, text: str) -> list[str]:
        """Return the cells of one row.

        Raises:
            csv.Error: a quotation mark is not closed, or is followed by text.
        """
        return next(self.reader([text]), [])


def read_rows(
    lines: Lines, dialect: Dialect, num_cells: int, file: str, mistakes: Mistakes
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each good line.

    Args:
        lines: lines after the header, none of them blank.
        dialect: rules of the cells.
        num_cells: number of columns; a line of as many cells is a row, even after an unclosed mark.
        file: its name, for the places of mistakes.
        mistakes: bad rows, to which others are added.
    """
    ahead = _Ahead(lines)
    closed: dict[int, int] = {}  # line that closes a mark -> line that opens it
    for number, line in ahead:
        place = (file, number)
        try:
            cells = dialect.cells(line)
        except csv.Error as error:
            if not _is_open(error):
                mistakes.append((place, f"not a row of a table: {error}"))
                continue
            rest = ahead.until_closed()
            end = rest[-1][0] if rest and _closes(rest[-1][1]) else None
            if end is None:
                mistakes.append((place, _never_closed(len(rest))))
            elif _is_one_row(line, rest, dialect, num_cells):
                mistakes.append((place, f"a cell reaches from here to line {end}; a row must be one line"))
                ahead.drop(len(rest))
            else:
                what = f"a quotation mark opens here and is closed in line {end}, so {count(len(rest), 'more row')}"
                mistakes.append((place, f"{what} would become part of one cell; close it in its line"))
                closed[end] = number
        else:
            if number in closed and line.count('"') % 2:
                mistakes.append(
                    (place, f"a quotation mark in the middle of a cell closes that of line {closed[number]}")
                )
            else:
                yield number, cells


class _Ahead:
    """Lines that can be looked at before they are read."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._waiting: deque[tuple[int, str]] = deque()

    def __iter__(self) -> Lines:
        while True:
            line = self._waiting.popleft() if self._waiting else next(self._lines, None)
            if line is None:
                return
            yield line

    def until_closed(self) -> list[tuple[int, str]]:
        """Return lines up to one that closes a mark."""
        found = []
        for line in self._waiting:
            found.append(line)
            if _closes(line[1]):
                return found
        for line in self._lines:
            found.append(line)
            self._waiting.append(line)
            if _closes(line[1]):
                break
        return found

    def drop(self, number: int) -> None:
        """Pass over lines that were looked at."""
        for _ in range(number):
            self._waiting.popleft()


def _closes(line: str) -> bool:
    """Return True if a line closes an open mark.

    Two marks in a row are one character of the cell.
    """
    return any(len(marks) % 2 for marks in _MARKS.findall(line))


def _never_closed(number: int) -> str:
    swallowed = f", so {count(number, 'more line')} would become part of one cell" if number else ""
    return f"a quotation mark opens here and is never closed{swallowed}"


def _is_open(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error)


def _is_one_row(line: str, rest: list[tuple[int, str]], dialect: Dialect, num_cells: int) -> bool:
    """Return True if these lines make a row only together."""

    def is_row(text: str) -> bool:
        try:
            return len(dialect.cells(text)) == num_cells
        except csv.Error:
            return False

    texts = [text for _, text in rest]
    return len(rest) < _MOST_LINES and not all(map(is_row, texts)) and is_row("\n".join([line, *texts]))
