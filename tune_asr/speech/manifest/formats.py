"""A manifest's file -> records with their lines, by its ending.

A bad line is recorded as a mistake, and the next one is read.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest import lhotse
from tune_asr.speech.manifest.documents import LENIENT, STRICT, RepeatedKeyError, is_document, read_document
from tune_asr.speech.manifest.fields import REQUIRED, Record
from tune_asr.speech.manifest.lines import Lines, Mistakes, kind_of
from tune_asr.speech.manifest.tables import AUDIO, DIALECTS, read_table
from tune_asr.speech.manifest.values import shown, why_not_json

_PAIR = "Give both files: data.train: {recordings: FILE, supervisions: FILE}."
_LINES = "Write one object a line, for example with jq -c '.[]' OLD > NEW.jsonl."


class Reader(Protocol):
    """Reader of one format."""

    def __call__(self, path: Path, lines: Lines, mistakes: Mistakes, *, rules: int) -> Iterator[tuple[int, Record]]:
        """Yield records with the numbers of their lines.

        Args:
            path: the file, for its ending, its folder and messages.
            lines: its lines.
            mistakes: bad lines, to which others are added.
            rules: `text.rules`.
        """
        ...


def _json(path: Path, lines: Lines, mistakes: Mistakes, *, rules: int) -> Iterator[tuple[int, Record]]:
    """Read an object per line, or an object of utterances.

    Raises:
        DataError: an array, a list of shards or of recordings, or half of lhotse's pair.
    """
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        return
    _refuse(path, *first)
    lines = itertools.chain([first], lines)
    if is_document(first[1]):
        yield from read_document(path, lines, mistakes)
        return
    for number, record in json_lines(path, lines, mistakes, rules=rules):
        if half := lhotse.part_of_pair(record):
            what = f"this is one of lhotse's {half}, which are half of a manifest"
            raise DataError(Problem(f"{path}:{number}", what, _PAIR))
        if not lhotse.is_cut(record):
            yield number, record
            continue
        for result in lhotse.utterances_of(record):
            if isinstance(result, str):
                mistakes.append(((str(path), number), result))
            else:
                yield number, result


def json_lines(path: Path, lines: Lines, mistakes: Mistakes, *, rules: int) -> Iterator[tuple[int, Record]]:
    """Yield the object of each good line."""
    decode: Callable[[str], object] = (STRICT if rules > 1 else LENIENT).decode
    for number, line in lines:
        if not line.strip():
            continue
        place = (str(path), number)
        try:
            record = decode(line)
        except json.JSONDecodeError as error:
            mistakes.append((place, f"not JSON: {why_not_json(error)}, column {error.colno}"))
        except RepeatedKeyError as error:
            mistakes.append((place, str(error)))
        except (ValueError, RecursionError) as error:
            mistakes.append((place, f"unreadable JSON: {why_not_json(error)}"))
        else:
            if isinstance(record, dict):
                yield number, record
            else:
                what = f"not an object with the keys {', '.join(REQUIRED)}: {shown(record)}"
                mistakes.append((place, what))


def _is_list_of_files(line: str) -> bool:
    return line[:1] not in ("{", "[", '"') and AUDIO.search(line) is not None


def _refuse(path: Path, number: int, line: str) -> None:
    """Refuse a file by its first line."""
    start = line.strip()
    if start.startswith("["):
        what = "the file is a JSON array, and a manifest has one object a line"
        raise DataError(Problem(f"{path}:{number}", what, _LINES))
    if _is_list_of_files(start):
        what = "the file is a list of recordings without transcripts, and a manifest needs both"
        hint = 'Write one object a line: {"audio_filepath": "a.wav", "text": "what is spoken"}.'
        raise DataError(Problem(f"{path}:{number}", what, hint))
    if start.lower().endswith((".tar", ".tar.gz")) and not start.startswith("{"):
        what = f"{start!r} is a shard of WeNet, which is not opened"
        raise DataError(
            Problem(f"{path}:{number}", what, "Give the data.list of data_type raw, which names recordings.")
        )


READERS: dict[str, Reader] = {
    ".jsonl": _json,
    ".json": _json,
    ".list": _json,
    **dict.fromkeys(DIALECTS, read_table),
}
"""By ending, without `.gz`."""


def is_manifest(path: Path) -> bool:
    """Return True if the ending is one of a manifest."""
    return kind_of(path) in READERS
