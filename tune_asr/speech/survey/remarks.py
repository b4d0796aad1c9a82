"""Remarks on valid data: texts in both splits, repeats, unread fields."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.survey.inspection import Entry
from tune_asr.speech.survey.report import examples

ROUNDING = 0.02
"""Seconds. Neighbours overlap by up to 15 ms in manifests rounded to 10 ms. Less than a window."""


@dataclass(frozen=True, slots=True)
class Part:
    """Stretch of a recording, in seconds from its beginning."""

    path: Path
    """File, absolute, symbolic links followed: two names of one file are one recording."""
    begin: float
    end: float
    channel: int | None = None
    """Channel, from 0; None for all of them."""

    def shares_channel(self, other: Part) -> bool:
        """Return True unless they are different channels."""
        return self.channel is None or other.channel is None or self.channel == other.channel


def part_of(utterance: Utterance, path: Path) -> Part:
    """Return the part of a recording in an utterance."""
    audio = utterance.audio
    assert isinstance(audio, FileAudio)
    # An utterance holds no sample rate, but its length in samples and in seconds.
    begin = audio.start * utterance.seconds / audio.num_frames if audio.num_frames else 0.0
    return Part(path, begin, begin + utterance.seconds, audio.channel)


def count_overlaps(parts: Sequence[Part], others: Iterable[Part]) -> list[int]:
    """Count the overlaps of each part with `others`.

    A part among `others` overlaps itself. It takes n log n.
    Parts that only touch, or overlap by no more than rounding explains, do not overlap.
    """
    # The limits of all parts of a recording stand under None, those of mixed channels under -1.
    recordings = defaultdict[tuple[Path, int | None], tuple[list[float], list[float]]](lambda: ([], []))
    for other in others:
        for channel in (None, -1 if other.channel is None else other.channel):
            begins, ends = recordings[other.path, channel]
            begins.append(other.begin)
            ends.append(other.end)
    for begins, ends in recordings.values():
        begins.sort()
        ends.sort()
    numbers = []
    for part in parts:
        number = 0
        for channel in (None,) if part.channel is None else (part.channel, -1):
            begins, ends = recordings[part.path, channel]
            # Those that begin before its end, less those that end before its begin.
            number += bisect_left(begins, part.end - ROUNDING) - bisect_right(ends, part.begin + ROUNDING)
        numbers.append(number)
    return numbers


def remarks_on(train: Sequence[Entry], val: Sequence[Entry], test: Sequence[Entry] = ()) -> Iterator[str]:
    """Yield a sentence for each kind of finding."""
    texts = {entry.utterance.text for entry in train}
    if shared_texts := [entry.utterance.text for entry in val if entry.utterance.text in texts]:
        rows = f"{len(shared_texts):,} of {len(val):,} validation rows ({100 * len(shared_texts) / len(val):.1f} %)"
        yield f"{rows} have a text that training has as well: {examples(list(dict.fromkeys(shared_texts)))}"

    train_parts, val_parts = _parts(train), _parts(val)
    shared = _sharing(test, _parts(test), [*train_parts, *val_parts])
    yield from _remark("test recordings also in training or validation, which makes the score too good", shared)

    unread = sorted({name for entry in (*train, *val, *test) for name in entry.row.unread})
    if unread:
        names = f"{', '.join(unread)} {'are' if len(unread) > 1 else 'is'}"
        hint = 'call the limits of a part "start", "end" or "duration", in seconds'
        yield f"every row stands for a whole recording, since {names} not read: {hint}"

    of_audio: dict[str, list[str]] = {}
    for entry in (*train, *val, *test):
        for remark in entry.remarks:
            of_audio.setdefault(remark, []).append(entry.row.audio_as_written)
    for remark, names_of_files in of_audio.items():
        yield from _remark(remark, names_of_files)

    yield from _remark("rows without a speaker, though others of their file name one", _nameless((*train, *val, *test)))

    for name, entries, parts in (("training", train, train_parts), ("validation", val, val_parts)):
        yield from _remark(f"recordings more than once in {name}", _sharing(entries, parts, parts, more_than=1))


def _nameless(entries: Sequence[Entry]) -> list[str]:
    """Return ids of rows without a speaker among others."""

    def file(entry: Entry) -> str:
        return entry.row.place.rpartition(":")[0]

    named = {file(entry) for entry in entries if entry.row.speaker is not None}
    return [entry.row.id for entry in entries if entry.row.speaker is None and file(entry) in named]


def _remark(what: str, found: Iterable[str]) -> Iterator[str]:
    if different := list(dict.fromkeys(found)):
        yield f"{what}: {len(different):,} ({examples(different)})"


def _parts(entries: Iterable[Entry]) -> list[Part]:
    return [part_of(entry.utterance, entry.recording.path) for entry in entries]


def _sharing(
    entries: Sequence[Entry], parts: Sequence[Part], others: Sequence[Part], *, more_than: int = 0
) -> Iterator[str]:
    """Yield recordings with more than so many overlaps, as written."""
    for entry, number in zip(entries, count_overlaps(parts, others), strict=True):
        if number > more_than:
            yield entry.row.audio_as_written
