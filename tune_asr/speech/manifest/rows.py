"""Manifests: what lists recordings and their transcripts, as a file or as a directory.

A manifest is read to its end, whatever is wrong with it: every bad row is a `Problem` with its `file:line`.
The recordings themselves are not looked at here.
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
from tune_asr.storage.files import reason_unusable


@dataclass(frozen=True, slots=True)
class Row:
    """One good row of a manifest.

    Attributes:
        place: `file:line`.
        id: the row's `id`, else the recording's name without its ending; unique within the manifest.
        audio: the recording; a relative path starts at the manifest's folder.
        audio_as_written: the recording as the manifest has it.
        text: the transcript as the manifest has it.
        duration: in seconds, where the manifest says it, or where the utterance ends.
        offset: where the utterance begins in the recording, in seconds; None where it is the whole recording.
        speaker: who speaks, where the manifest says it.
        unread: names in the row that seem to say which part of the recording it is, where it has no `offset`.
        identity: what the row is, whatever stands around it: its `id`, else recording and offset.
    """

    place: str
    id: str
    audio: Path
    audio_as_written: str
    text: str
    duration: float | None
    offset: float | None
    speaker: str | None
    identity: str
    unread: tuple[str, ...] = ()


def read_manifest(path: Path) -> tuple[list[Row], list[Problem]]:
    """Read a manifest: the good rows, and a `Problem` for each bad one.

    JSONL has one object a line: `{"audio_filepath": ..., "text": ...}`, and where wanted `id`, `duration`, `offset`,
    `end`, `speaker`; CSV and TSV have a header of the same names, or of those in `fields.ALIASES`. Other keys are
    ignored, blank lines skipped. A directory is Kaldi's, LibriSpeech's or an audiofolder of Hugging Face's: see
    `directories`.

    Raises:
        DataError: the manifest is missing, no ordinary file, empty, or of an unknown kind.
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
        raise DataError(Problem(str(path), "the manifest holds no rows"))
    return make.rows, [Problem(f"{file}:{line}", what) for (file, line), what in sorted(mistakes.items())]


def _records(path: Path, mistakes: PlacedMistakes) -> Iterator[tuple[Place, Path, Record]]:
    """Yield each record with its place and the folder that its path is relative to."""
    if os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises where a name is too long
        try:
            inner = [path / name for name in MARKS["audiofolder"] if (path / name).is_file()]
        except OSError as error:
            raise DataError(Problem(str(path), f"the directory cannot be read ({error.strerror})")) from error
        if not inner:
            yield from ((place, path, record) for place, record in read_directory(path, mistakes))
            return
        path = inner[0]
    if reason := reason_unusable(path):
        hint = "" if path.is_absolute() else f"the path stands for {path.absolute()}"
        raise DataError(Problem(str(path), f"the manifest {reason}", hint))
    records_of = READERS.get(path.suffix.lower())
    if records_of is None:
        raise DataError(Problem(str(path), f"a manifest ends in {', '.join(READERS)}, not in {path.suffix!r}"))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(Problem(str(path), f"the manifest cannot be read ({error.strerror})")) from error
    here: Mistakes = {}
    clips = path.parent / "clips"
    has_clips = clips.is_dir()
    for line, record in records_of(content, here):
        in_clips = has_clips and _is_common_voice(record)
        yield (str(path), line), clips if in_clips else path.parent, record
    mistakes.update({(str(path), line): what for line, what in here.items()})


def _is_common_voice(record: Record) -> bool:
    """Common Voice names a recording by `path`, without the folder clips/ that holds it, and its text `sentence`."""
    return "sentence" in record and isinstance(name := record.get("path"), str) and "/" not in name


class _Maker:
    """Makes rows of records, and keeps their ids apart."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._ids: set[str] = set()
        self._named: dict[str, int] = {}
        self._given: dict[str, Place] = {}
        self._paths: dict[tuple[Path, str], Path] = {}

    def __call__(self, place: Place, folder: Path, record: Record) -> Row | str:
        """Return the row, or everything that is wrong with it."""
        fields, mistakes = under_our_names(record)
        given = fields.get("id")
        given = None if given in (None, "") else str(given)
        if found := "; ".join([*mistakes, *_mistakes_of(record, fields)]):
            return found
        if given is not None and (first := self._given.setdefault(given, place)) is not place:
            return f'"id" is {reprlib.repr(given)}, as in line {first[1]}: an id names one utterance'
        audio, offset = fields["audio_filepath"], fields.get("offset")
        name = audio.removesuffix(PurePath(audio).suffix) if given is None else given
        name = name.encode(errors="backslashreplace").decode()  # a file's name need not be UTF-8
        unique = name
        while unique in self._ids:  # a recording may have thousands of segments: none is numbered from the start
            self._named[name] = self._named.get(name, 1) + 1
            unique = f"{name}#{self._named[name]}"
        self._ids.add(unique)
        # Many rows may be segments of one recording.
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
    """Say everything that is wrong with a row."""
    yield from missing_fields(tuple(record))
    written = {field: f'"{names[0]}"' for field, names in field_names(tuple(record)).items()}
    for field in REQUIRED:
        if field in fields and not isinstance(fields[field], str):
            yield f"{written[field]} is {reprlib.repr(fields[field])}: a text is wanted"
        elif field in fields and not fields[field].strip():
            yield f"{written[field]} is empty"
    if isinstance(text := fields.get("text"), str) and (at := _control_character(text)) is not None:
        yield f"{written['text']} has the control character U+{ord(text[at]):04X} in place {at + 1}"
    yield from span_mistakes(fields, written)
    yield from unread_end(record, fields)
    for field in ("id", "speaker"):
        if isinstance(value := fields.get(field), str) and not _is_utf8(value):
            yield f"{written[field]} is {reprlib.repr(value)}: it cannot be written in UTF-8"
        if not isinstance(value, str | int | None):
            yield f"{written[field]} is {reprlib.repr(fields[field])}: a text or an integer is wanted"


def _is_utf8(text: str) -> bool:
    # JSON may hold one half of a surrogate pair, which no file can.
    return text.encode(errors="ignore").decode() == text


def _control_character(text: str) -> int | None:
    """Return the index of the first control character that is no white space: it would become a space unseen."""
    if text.isprintable():
        return None
    found = (i for i, character in enumerate(text) if unicodedata.category(character) == "Cc")
    return next((i for i in found if not text[i].isspace()), None)
