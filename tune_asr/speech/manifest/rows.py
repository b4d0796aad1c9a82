"""Manifest, a file or a folder -> rows.

Every bad row becomes a `Problem` with its `file:line`, and the next one is read. Recordings are not opened here.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.directories import MARKS, read_directory
from tune_asr.speech.manifest.fields import Record, field_names, missing_fields, under_our_names
from tune_asr.speech.manifest.formats import READERS
from tune_asr.speech.manifest.kaldi import Placed
from tune_asr.speech.manifest.lines import PERMIT, Mistakes, Place, kind_of, read_lines
from tune_asr.speech.manifest.spans import (
    CHANNEL_IF_SEVERAL,
    channel_mistakes,
    channel_of,
    duration_of,
    span_mistakes,
    unread_end,
    unread_names,
)
from tune_asr.speech.manifest.values import shown
from tune_asr.storage.files import EMPTY, reason_unusable

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
    is_channel_optional: bool = False
    """True if the channel counts only in a recording of several."""
    text_place: str = ""
    """`file:line` of the transcript if it stands in another file, else empty."""

    @property
    def has_id(self) -> bool:
        """True if the manifest gives the id."""
        return self.id == self.identity


def read_manifest(path: Path, rules: int = 2) -> tuple[list[Row], list[Problem]]:
    """Read the good rows of a manifest, and all problems.

    JSONL has one object a line, `{"audio_filepath": ..., "text": ...}`, with optional `id`, `duration`, `offset`,
    `end`, `channel` and `speaker`. CSV and TSV have a header of the same names. All names of `fields.ALIASES` are read
    too, other keys are ignored, blank lines skipped. For other formats see `formats`, for folders `directories`.

    Args:
        path: file or folder.
        rules: `text.rules`. By 1, of release 0.1.0, channels are not read, the last of repeated keys counts, and a cell
            may have several lines.

    Raises:
        DataError: the manifest is missing, no regular file, empty, of an unknown kind, or no manifest as a whole.
    """
    mistakes: Mistakes = []
    rows = make_rows(_records(path, rules, mistakes), mistakes, rules)
    if not rows and not mistakes:
        raise DataError(Problem(str(path), "the manifest holds no rows", _FILL))
    return rows, problems_of(mistakes)


def make_rows(records: Iterator[tuple[Path, Placed]], mistakes: Mistakes, rules: int) -> list[Row]:
    """Make rows of records with the folders of their paths.

    Bad records are added to `mistakes`.
    """
    make = _Maker(rules)
    rows, bad, numbers = [], [], Counter[Place]()
    for folder, placed in records:
        numbers[placed.place] += 1
        row = make(placed, folder)
        if isinstance(row, Row):
            rows.append(row)
        else:
            bad.append((placed, *row))
    for placed, place, what in bad:
        # A document in one line has all its utterances there.
        given = under_our_names(placed.record)[0].get("id") if numbers[place] > 1 and place == placed.place else None
        mistakes.append((place, f"{given}: {what}" if given else what))
    return rows


def problems_of(mistakes: Mistakes) -> list[Problem]:
    """Return mistakes as problems in the order of their places."""
    return [Problem(f"{file}:{line}", what) for (file, line), what in sorted(mistakes)]


def check_file(path: Path, *, is_manifest: bool = True) -> None:
    """Check that a file can be read, and its ending.

    Raises:
        DataError: it is missing, no regular file, empty, or has another ending.
    """
    if reason := reason_unusable(path):
        hint = "" if path.is_absolute() else f"Check the path, which means {path.absolute()}."
        raise DataError(Problem(str(path), f"the manifest {reason}", _FILL if reason == EMPTY else hint))
    if is_manifest and kind_of(path) not in READERS:
        *others, last = READERS
        this = f"this one in {path.suffix!r}" if path.suffix else "this one has no ending"
        what = f"a manifest ends in {', '.join(others)} or {last}, but {this}"
        raise DataError(Problem(str(path), what, "Rename it if it has one of these formats, or else convert it."))


def _records(path: Path, rules: int, mistakes: Mistakes) -> Iterator[tuple[Path, Placed]]:
    """Yield records with the folders of their paths."""
    if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises if a name is too long
        try:
            inner = [path / name for name in MARKS["audiofolder"] if (path / name).is_file()]
        except OSError as error:
            raise DataError(Problem(str(path), f"the directory cannot be read ({error.strerror})", PERMIT)) from error
        if not inner:
            yield from ((path, placed) for placed in read_directory(path, mistakes, rules))
            return
        path = inner[0]
    check_file(path)
    clips = path.parent / "clips"
    has_clips = clips.is_dir()
    for line, record in READERS[kind_of(path)](path, read_lines(path, mistakes), mistakes, rules=rules):
        in_clips = has_clips and _is_common_voice(record)
        yield clips if in_clips else path.parent, Placed((str(path), line), record)


def _is_common_voice(record: Record) -> bool:
    """Recognise Common Voice, whose `path` lacks the folder clips/."""
    return "sentence" in record and isinstance(name := record.get("path"), str) and "/" not in name


class _Maker:
    """Maker of rows with unique ids."""

    def __init__(self, rules: int) -> None:
        self._rules = rules
        self._ids: set[str] = set()
        self._named: dict[str, int] = {}
        self._given: dict[str, Place] = {}
        self._paths: dict[tuple[Path, str], Path] = {}

    def __call__(self, placed: Placed, folder: Path) -> Row | tuple[Place, str]:
        """Return the row, or the place and all its mistakes."""
        place, record = placed.place, placed.record
        fields, mistakes = under_our_names(record)
        given = fields.get("id")
        given = None if given in (None, "") else str(given)
        of_text = list(_text_mistakes(fields, record, self._rules))
        mistakes += [*_mistakes_of(record, fields), *(channel_mistakes(fields) if self._rules > 1 else ())]
        if of_text and not mistakes and placed.text_place:
            return placed.text_place, f"{given}: {'; '.join(of_text)}"
        if found := "; ".join([*mistakes, *of_text]):
            return place, found
        if given is not None and (first := self._given.setdefault(given, place)) is not place:
            return place, f'"id" is {shown(given)}, as in line {first[1]}; an id names one utterance'
        audio, offset = fields["audio_filepath"], fields.get("offset")
        return Row(
            place=f"{place[0]}:{place[1]}",
            id=self._unique(audio.removesuffix(PurePath(audio).suffix) if given is None else given),
            audio=self._paths.setdefault((folder, audio), folder.absolute() / _with_home(audio)),
            audio_as_written=audio,
            text=fields["text"],
            duration=duration_of(fields),
            offset=offset,
            speaker=str(fields["speaker"]) if fields.get("speaker") not in (None, "") else None,
            identity=given if given is not None else f"{audio} {offset}" if offset else audio,
            unread=unread_names(record) if offset is None else (),
            channel=channel_of(fields, record) if self._rules > 1 else None,
            is_channel_optional=CHANNEL_IF_SEVERAL in record,
            text_place="{}:{}".format(*placed.text_place) if placed.text_place else "",
        )

    def _unique(self, name: str) -> str:
        name = name.encode(errors="backslashreplace").decode()  # file names need not be UTF-8
        unique = name
        while unique in self._ids:  # count on: a recording may have thousands of segments
            self._named[name] = self._named.get(name, 1) + 1
            unique = f"{name}#{self._named[name]}"
        self._ids.add(unique)
        return unique


def _with_home(audio: str) -> str:
    """Expand `~/`, as every other path of the user."""
    return os.path.expanduser(audio) if audio.startswith("~/") else audio  # noqa: PTH111


def _text_mistakes(fields: Record, record: Record, rules: int) -> Iterator[str]:
    """Yield all mistakes of the transcript that is there."""
    text = fields.get("text", "x")
    name = next(iter(field_names(tuple(record)).get("text", ("",))))
    if not isinstance(text, str):
        yield f'"{name}" is {shown(text)}, but must be text'
    elif not text.strip():
        yield f'"{name}" is empty'
    elif (at := _control_character(text)) is not None:
        yield f'"{name}" has the control character U+{ord(text[at]):04X} in place {at + 1}'
    elif rules > 1 and not _is_utf8(text):
        yield f'"{name}" has half a character (a lone surrogate): {shown(text)}'


def _mistakes_of(record: Record, fields: Record) -> Iterator[str]:
    """Yield all mistakes of a row but for its transcript."""
    yield from missing_fields(tuple(record))
    written = {field: f'"{names[0]}"' for field, names in field_names(tuple(record)).items()}
    audio = fields.get("audio_filepath", "x")
    if not isinstance(audio, str):
        yield f"{written['audio_filepath']} is {shown(audio)}, but must be text"
    elif not audio.strip():
        yield f"{written['audio_filepath']} is empty"
    yield from span_mistakes(fields, written)
    yield from unread_end(record, fields)
    for field in ("id", "speaker"):
        if isinstance(value := fields.get(field), str) and not _is_utf8(value):
            yield f"{written[field]} is {shown(value)}, but it cannot be written in UTF-8"
        if not isinstance(value, str | int | None):
            yield f"{written[field]} is {shown(fields[field])}, but must be text or an integer"


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
