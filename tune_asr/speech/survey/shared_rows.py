"""Rows that stand both in training and in validation."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from tune_asr.speech.survey.inspection import Entry
from tune_asr.speech.survey.remarks import ROUNDING, Part, count_overlaps, part_of


class Likeness(StrEnum):
    """Sign by which two rows are one."""

    RECORDING = "recording"
    """The same file, or overlapping parts of it."""
    CONTENT = "content"
    """A file of equal content under another name, or overlapping parts of it."""
    ID = "id"
    """The same `id`."""


@dataclass(frozen=True, slots=True)
class SharedRow:
    """Validation row, and a training row like it."""

    val: str
    """Place of the validation row, `file:line`."""
    train: str
    """Place of the training row."""
    likeness: Likeness
    name: str
    """Recording as the validation row writes it, or the id."""

    def __str__(self) -> str:
        same = {"recording": "recording", "content": "content of", "id": "id"}[self.likeness]
        return f"{self.val} is {self.train} (same {same} {self.name!r})"


def shared_rows(train: Sequence[Entry], val: Sequence[Entry]) -> Iterator[SharedRow]:
    """Yield the validation rows that training has as well.

    Recordings are compared by samples of their content, so it takes n log n and reads nothing.
    """
    parts, others = _by_content(train), _by_content(val)
    sorted_parts = defaultdict[Path, list[tuple[float, int]]](list)
    for i in sorted(range(len(parts)), key=lambda i: parts[i].begin):
        sorted_parts[parts[i].path].append((parts[i].begin, i))
    by_id = {entry.row.id: entry for entry in train if entry.row.has_id}
    for entry, part, number in zip(val, others, count_overlaps(others, parts), strict=True):
        alike = [train[i] for i in _overlapping(part, number, sorted_parts[part.path], parts)]
        if alike:
            same_file = [other for other in alike if other.recording.path == entry.recording.path]
            likeness = Likeness.RECORDING if same_file else Likeness.CONTENT
            place = (same_file or alike)[0].row.place
            yield SharedRow(entry.row.place, place, likeness, entry.row.audio_as_written)
        elif entry.row.has_id and (named := by_id.get(entry.row.id)) and not _are_counters(entry, named):
            yield SharedRow(entry.row.place, named.row.place, Likeness.ID, entry.row.id)


def _by_content(entries: Sequence[Entry]) -> list[Part]:
    """Return the parts of recordings, by content instead of path."""
    return [part_of(entry.utterance, Path(entry.recording.content)) for entry in entries]


def _overlapping(part: Part, number: int, begins: Sequence[tuple[float, int]], parts: Sequence[Part]) -> Iterator[int]:
    """Yield the indices of overlapping parts, `number` in all."""
    before = bisect_left(begins, (part.end - ROUNDING, -1)) if number else 0
    found = (
        i
        for _, i in reversed(begins[:before])
        if parts[i].end > part.begin + ROUNDING and parts[i].shares_channel(part)
    )
    return islice(found, number)


def _are_counters(one: Entry, other: Entry) -> bool:
    """Return whether ids are mere row numbers of two manifests."""
    return one.row.id.isdecimal() and one.utterance.text != other.utterance.text
