"""Manifest, a file or a folder -> rows.

Every bad row becomes a `Problem` with its `file:line`, and the next one is read. Recordings are not opened here.
"""

from __future__ import annotations

import os
import reprlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.directories import MARKS, Place, PlacedMistakes, read_directory
from tune_asr.speech.manifest.fields import REQUIRED, Record, field_names, missing_fields, under_our_names
from tune_asr.speech.manifest.formats import READERS, Mistakes
from tune_asr.speech.manifest.spans import duration_of, span_mistakes, unread_end, unread_names
from tune_asr.storage.files import EMPTY, reason_unusable

_PERMIT = "Make it readable for this user."
_FILL = "Write a row for each utterance, with audio_filepath and text."


@dataclass(frozen=True, slots=True)
class Row:
    """One good row of a manifest."""

    place: str
    """`file:line`."""
    id: str
    """The row's `id`, else the recording's name without ending; unique within the manifest."""
    audio: Path
    """Recording; a relative path starts at the manifest's folder."""
    audio_as_written: str
    text: str
    """Transcript as written."""
    duration: float | None
    """Seconds, if the row has a duration or an end."""
    offset: float | None
    """Start of the utterance in the recording, in seconds; None for the whole recording."""
    speaker: str | None
    identity: str
    """The row's `id`, else recording and offset: independent of all other rows."""
    unread: tuple[str, ...] = ()
    """Unknown names that look like a start or an end, in a row without `offset`."""
    channel: int | None = None
    """Number of the utterance's channel, from 0; None for the mean of all."""

    @property
    def has_id(self) -> bool:
        """True if the manifest gives the id."""
        return self.id == self.identity


def read_manifest(path: Path) -> tuple[list[Row], list[Problem]]:
    """Read the good rows of a manifest, and all problems.

    JSONL has one object a line, `{"audio_filepath": ..., "text": ...}`, with optional `id`, `duration`, `offset`, `end`
    and `speaker`. CSV and TSV have a header of the same names. All names of `fields.ALIASES` are read too, other keys
    are ignored, blank lines skipped. For folders see `directories`.

    Raises:
        DataError: the manifest is missing, no regular file, empty, or of an unknown kind.
    """
    mistakes: PlacedMistakes = {}
    make = _Maker()
    for place, folder, record in _records(path, mistakes):
        row = make(place, folder, record)
        if isinstance(row, Row):
            make.rows.append(row)
        else:
            mistakes[place] = row
    if not make.rows and not mistakes:
        raise DataError(Problem(str(path), "the manifest holds no rows", _FILL))
    return make.rows, [Problem(f"{file}:{line}", what) for (file, line), what in sorted(mistakes.items())]


def _records(path: Path, mistakes: PlacedMistakes) -> Iterator[tuple[Place, Path, Record]]:
    """Yield records with their places and the folders of paths."""
    if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises if a name is too long
        try:
            inner = [path / name for name in MARKS["audiofolder"] if (path / name).is_file()]
        except OSError as error:
            raise DataError(Problem(str(path), f"the directory cannot be read ({error.strerror})", _PERMIT)) from error
        if not inner:
            yield from ((place, path, record) for place, record in read_directory(path, mistakes))
            return
        path = inner[0]
    if reason := reason_unusable(path):
        hint = "" if path.is_absolute() else f"Check the path, which means {path.absolute()}."
        hint = _FILL if reason == EMPTY else hint
        raise DataError(Problem(str(path), f"the manifest {reason}", hint))
    records_of = READERS.get(path.suffix.lower())
    if records_of is None:
        *others, last = READERS
        this = f"this one in {path.suffix!r}" if path.suffix else "this one has no ending"
        what = f"a manifest ends in {', '.join(others)} or {last}, but {this}"
        raise DataError(Problem(str(path), what, "Rename it if it has one of these formats, or else convert it."))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(Problem(str(path), f"the manifest cannot be read ({error.strerror})", _PERMIT)) from error
    here: Mistakes = {}
    clips = path.parent / "clips"
    has_clips = clips.is_dir()
    for line, record in records_of(content, here):
        in_clips = has_clips and _is_common_voice(record)
        yield (str(path), line), clips if in_clips else path.parent, record
    mistakes.update({(str(path), line): what for line, what in here.items()})


def _is_common_voice(record: Record) -> bool:
    """Recognise Common Voice, whose `path` lacks the folder clips/."""
    return "sentence" in record and isinstance(name := record.get("path"), str) and "/" not in name


class _Maker:
    """Maker of rows with unique ids."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._ids: set[str] = set()
        self._named: dict[str, int] = {}
        self._given: dict[str, Place] = {}
        self._paths: dict[tuple[Path, str], Path] = {}

    def __call__(self, place: Place, folder: Path, record: Record) -> Row | str:
        """Return the row, or all its mistakes."""
        fields, mistakes = under_our_names(record)
        given = fields.get("id")
        given = None if given in (None, "") else str(given)
        if found := "; ".join([*mistakes, *_mistakes_of(record, fields)]):
            return found
        if given is not None and (first := self._given.setdefault(given, place)) is not place:
            return f'"id" is {reprlib.repr(given)}, as in line {first[1]}; an id names one utterance'
        audio, offset = fields["audio_filepath"], fields.get("offset")
        name = audio.removesuffix(PurePath(audio).suffix) if given is None else given
        name = name.encode(errors="backslashreplace").decode()  # file names need not be UTF-8
        unique = name
        while unique in self._ids:  # count on: a recording may have thousands of segments
            self._named[name] = self._named.get(name, 1) + 1
            unique = f"{name}#{self._named[name]}"
        self._ids.add(unique)
        path = self._paths.setdefault((folder, audio), folder.absolute() / audio)
        return Row(
            place=f"{place[0]}:{place[1]}",
            id=unique,
            audio=path,
            audio_as_written=audio,
            text=fields["text"],
            duration=duration_of(fields),
            offset=offset,
            speaker=str(fields["speaker"]) if fields.get("speaker") not in (None, "") else None,
            identity=given if given is not None else f"{audio} {offset}" if offset else audio,
            unread=unread_names(record) if offset is None else (),
        )


def _mistakes_of(record: Record, fields: Record) -> Iterator[str]:
    """Yield all mistakes of a row."""
    yield from missing_fields(tuple(record))
    written = {field: f'"{names[0]}"' for field, names in field_names(tuple(record)).items()}
    for field in REQUIRED:
        if field in fields and not isinstance(fields[field], str):
            yield f"{written[field]} is {reprlib.repr(fields[field])}, but must be text"
        elif field in fields and not fields[field].strip():
            yield f"{written[field]} is empty"
    if isinstance(text := fields.get("text"), str) and (at := _control_character(text)) is not None:
        yield f"{written['text']} has the control character U+{ord(text[at]):04X} in place {at + 1}"
    yield from span_mistakes(fields, written)
    yield from unread_end(record, fields)
    for field in ("id", "speaker"):
        if isinstance(value := fields.get(field), str) and not _is_utf8(value):
            yield f"{written[field]} is {reprlib.repr(value)}, but it cannot be written in UTF-8"
        if not isinstance(value, str | int | None):
            yield f"{written[field]} is {reprlib.repr(fields[field])}, but must be text or an integer"


def _is_utf8(text: str) -> bool:
    # JSON may hold half a surrogate pair, UTF-8 may not.
    return text.encode(errors="ignore").decode() == text


def _control_character(text: str) -> int | None:
    """Return the index of the first control character, or None.

    White space is allowed; the normaliser would silently replace others by a space.
    """
    if text.isprintable():
        return None
    found = (i for i, character in enumerate(text) if unicodedata.category(character) == "Cc")
    return next((i for i in found if not text[i].isspace()), None)
