"""CSV, TSV and LJSpeech's table -> records.

Each row is one line. A quotation mark that is not closed in its line is a mistake at that line, and takes no other row
with it.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.fields import NUMBERS, REQUIRED, Record, conflict, field_names, missing_fields
from tune_asr.speech.manifest.lines import Lines, Mistakes, kind_of
from tune_asr.speech.manifest.missing import ENDINGS, names_if_readable
from tune_asr.speech.manifest.quoting import Dialect, read_rows
from tune_asr.wording import count

AUDIO = re.compile(r"\.(wav|flac|ogg|opus|mp3|m4a|sph|aiff?)\s*$", re.IGNORECASE)


DIALECTS = {".csv": Dialect(",", is_quoted=True), ".tsv": Dialect("\t", is_quoted=False)}
"""By ending. In the TSV of Common Voice and others, quotation marks are plain characters."""
# By character: its name, and the ending of such tables.
_SEPARATORS = {",": ("commas", ".csv"), ";": ("semicolons", ""), "\t": ("tabs", ".tsv"), "|": ("pipes", "")}


def read_table(path: Path, lines: Lines, mistakes: Mistakes, *, rules: int) -> Iterator[tuple[int, Record]]:
    """Read a table with a header, or LJSpeech's without.

    Args:
        path: the file, for its ending, its folder and messages.
        lines: its lines.
        mistakes: bad rows, to which others are added.
        rules: `text.rules`. By 1, a cell may have several lines, and an unclosed quotation mark takes all that follow.

    Raises:
        DataError: the header has other separators, lacks a column, or is missing.
    """
    dialect = DIALECTS[kind_of(path)]
    filled = ((number, line) for number, line in lines if line.strip())
    first = next(filled, None)
    if first is None:
        return
    if _is_ljspeech(first[1], dialect):
        yield from _ljspeech(path, itertools.chain([first], filled), mistakes)
        return
    header = _header(f"{path}:{first[0]}", first[1], dialect)
    numbers = [names[0] for field, names in field_names(tuple(header)).items() if field in NUMBERS]
    if rules > 1 and len(header) > 1 and all(cell.startswith(" ") for cell in header[1:]):  # SpeechBrain writes such
        dialect = dialect._replace(skips_blanks=True)
    if rules == 1:
        rows = _rows_by_rules_1(filled, dialect, str(path), mistakes)
    else:
        rows = read_rows(filled, dialect, len(header), str(path), mistakes)
    for number, cells in rows:
        if len(cells) == len(header):
            yield number, _typed(dict(zip(header, cells, strict=True)), numbers)
        else:
            what = f"the row has {count(len(cells), 'cell')}, but the header has {len(header)}"
            mistakes.append(((str(path), number), what))


def _header(place: str, line: str, dialect: Dialect) -> list[str]:
    """Return the names of the columns.

    Raises:
        DataError: it has other separators, lacks a column, or is missing.
    """
    try:
        header, wrong = dialect.cells(line), []
    except csv.Error as error:
        header, wrong = [], [f"not a row of a table: {error}"]
    else:
        doubles = (conflict(names) for names in field_names(tuple(header)).values() if len(names) > 1)
        wrong = [*missing_fields(header), *doubles]
    if not wrong:
        return header
    if problem := _other_separator(place, line, dialect.delimiter):
        raise DataError(problem)
    if recording := next((cell for cell in header if AUDIO.search(cell)), ""):
        what = f"the first row must name the columns, but it holds a recording, {reprlib.repr(recording)}"
        example = dialect.delimiter.join(REQUIRED).replace("\t", "<TAB>")
        raise DataError(Problem(place, what, f"Write the names above it, for example {example}."))
    raise DataError(Problem(place, f"header: {'; '.join(wrong)}"))


def _other_separator(place: str, line: str, delimiter: str) -> Problem | None:
    """Return the mistake of a header with other separators."""

    def cells(separator: str) -> tuple[str, ...]:
        return tuple(cell.strip().strip('"') for cell in line.split(separator))

    own = cells(delimiter)
    name, ending = _SEPARATORS[delimiter]
    for other, (others_name, others_ending) in _SEPARATORS.items():
        found = cells(other)
        if len(field_names(found)) > len(field_names(own)) or len(own) == 1 < len(found):
            what = f"header: its columns seem to be separated by {others_name}, but {ending} has {name}"
            rename = f", or name it {others_ending}" if others_ending else ""
            return Problem(place, what, f"Save it with {name}{rename}.")
    return None


def _is_ljspeech(line: str, dialect: Dialect) -> bool:
    """Recognise rows `ID|text` or `ID|text|normalised text`."""
    cells = line.split("|")
    name = cells[0]
    named = field_names((*map(str.strip, cells), *line.split(dialect.delimiter)))
    return dialect.is_quoted and len(cells) in (2, 3) and len(name.split()) == 1 and "," not in name and not named


def _ljspeech(path: Path, lines: Lines, mistakes: Mistakes) -> Iterator[tuple[int, Record]]:
    there = {folder: names_if_readable(path.parent / folder) for folder in ("wavs", ".")}
    for number, line in lines:
        name, *texts = line.rstrip("\r").split("|")
        if len(texts) in (1, 2):
            audio = name if AUDIO.search(name) else _recording(name, there)
            yield number, {"id": name, "audio_filepath": audio, "text": texts[-1].strip() or texts[0]}
        else:
            what = f"the row has {count(len(texts) + 1, 'cell')}, but ID|text or ID|text|normalised text has 2 or 3"
            mistakes.append(((str(path), number), what))


def _recording(name: str, there: Mapping[str, Collection[str]]) -> str:
    """Return the recording of an id, else its usual place."""
    found = ((folder, f"{name}{end}") for folder in there for end in ENDINGS if f"{name}{end}" in there[folder])
    folder, file = next(found, ("wavs", f"{name}.wav"))
    return file if folder == "." else f"{folder}/{file}"


def _rows_by_rules_1(lines: Lines, dialect: Dialect, file: str, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    numbers: list[int] = []

    def feed() -> Iterator[str]:
        for number, line in lines:
            numbers.append(number)
            yield f"{line}\n"

    reader = dialect.reader(feed())
    while True:
        first = len(numbers)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mistakes.append(((file, numbers[first]), f"not a row of a table: {error}"))
        else:
            yield numbers[first], cells


def _typed(cells: dict[str, str], numbers: list[str]) -> Record:
    """Convert the cells of numbers; empty ones are dropped."""
    record: dict[str, str | float] = {name: cell for name, cell in cells.items() if cell or name not in numbers}
    for name in numbers:
        with contextlib.suppress(KeyError, ValueError):
            record[name] = float(record[name])
    return record
