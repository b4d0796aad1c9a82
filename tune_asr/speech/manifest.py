"""Manifests: JSONL, CSV and TSV files that list recordings and their transcripts.

A manifest is read to its end, whatever is wrong with it: every bad row is a `Problem` with its `file:line`.
The recordings themselves are not looked at here.
"""

from __future__ import annotations

import itertools
import reprlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from tune_asr.errors import DataError, Problem
from tune_asr.speech.files import reason_unusable
from tune_asr.speech.manifest_formats import READERS, REQUIRED_KEYS, Mistakes, Record, missing_keys


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
        way_out = "" if path.is_absolute() else f"the path stands for {path.absolute()}"
        raise DataError(Problem(str(path), f"the manifest {reason}", way_out))
    records_of = READERS.get(path.suffix.lower())
    if records_of is None:
        raise DataError(Problem(str(path), f"a manifest ends in {', '.join(READERS)}, not in {path.suffix!r}"))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(Problem(str(path), f"the manifest cannot be read ({error.strerror})")) from error

    mistakes: Mistakes = {}
    rows: list[Row] = []
    ids: set[str] = set()
    for line, record in records_of(content, mistakes):
        if found := "; ".join(_mistakes_of(record)):
            mistakes[line] = found
        else:
            rows.append(_row(path, line, record, ids))
    if not rows and not mistakes:
        raise DataError(Problem(str(path), "the manifest holds no rows"))
    return rows, [Problem(f"{path}:{line}", what) for line, what in sorted(mistakes.items())]


def _mistakes_of(record: Record) -> Iterator[str]:
    """Say everything that is wrong with a row."""
    yield from missing_keys(record)
    for key in REQUIRED_KEYS:
        if key in record and not isinstance(record[key], str):
            yield f'"{key}" is {reprlib.repr(record[key])}: a text is wanted'
        elif key in record and not record[key].strip():
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
