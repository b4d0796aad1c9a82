"""Kaldi's folder -> records.

wav.scp (id, path) and text (id, transcript); optional segments (id, recording, start, end, channel), utt2spk and
reco2file_and_channel. Other files, such as spk2gender, are ignored. Pipes are refused, never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.fields import Record
from tune_asr.speech.manifest.lines import Mistakes, Place, read_lines
from tune_asr.speech.manifest.spans import CHANNEL_IF_SEVERAL
from tune_asr.storage.files import MISSING, reason_unusable

FILES = ("wav.scp", "text", "segments", "utt2spk", "reco2file_and_channel")
_TO_THE_END = -1.0  # in segments, the end of the recording
_LETTERS = {"A": 0, "B": 1}
_NUMBER = re.compile("[0-9]{1,4}")

Table: TypeAlias = Mapping[str, tuple[Place, str]]


@dataclass(frozen=True, slots=True)
class Placed:
    """Record and the places that messages on it name."""

    place: Place
    record: Record
    text_place: Place | None = None
    """Place of the transcript, if it stands in another file."""


def read_kaldi(path: Path, mistakes: Mistakes, rules: int) -> Iterator[Placed]:
    """Yield records of a folder.

    Args:
        path: the folder.
        mistakes: bad lines, to which others are added.
        rules: `text.rules`. By 1, reco2file_and_channel is not read, and a segment has no channel.

    Raises:
        DataError: a file is missing or cannot be read.
    """
    recordings = table(path / "wav.scp", mistakes)
    texts = table(path / "text", mistakes)
    speakers = _optional(path / "utt2spk", mistakes)
    segments = _optional(path / "segments", mistakes)
    channels = _Channels.read(path / "reco2file_and_channel", mistakes) if rules > 1 else _Channels()
    has_segments = (path / "segments").exists()
    # The file with one line for each utterance, which is a row.
    utterances = segments if has_segments else recordings
    for utterance, (place, value) in utterances.items():
        part = _part(value, rules) if has_segments else {"recording": utterance}
        if part is None:
            what = f"{utterance} {value!r}: must be a recording, a start and an end in seconds, and perhaps a channel"
            mistakes.append((place, what))
            continue
        recording = str(part.pop("recording"))
        audio = recordings.get(recording, (None, ""))[1]
        wrong = []
        if recording not in recordings:
            wrong.append(f"its recording {recording} is not in wav.scp")
        elif audio.endswith("|"):
            wrong.append(f"{audio!r} is a command, which is never run; write its output to a file and name that")
        if utterance not in texts:
            wrong.append(f"{utterance} has no transcript in text")
        if wrong:
            mistakes.append((place, "; ".join(wrong)))
            continue
        if "channel" not in part and (mistake := channels.mistake(recording, place)):
            mistakes.append(mistake)
            continue
        record: dict[str, object] = {"id": utterance, "audio_filepath": audio, "text": texts[utterance][1], **part}
        if utterance in speakers:
            record["speaker"] = speakers[utterance][1]
        if "channel" not in part and recording in channels.numbers:
            record[CHANNEL_IF_SEVERAL] = channels.numbers[recording]
        yield Placed(place, record, texts[utterance][0])
    for utterance, (place, _) in texts.items():
        if utterance not in utterances:
            mistakes.append((place, f"{utterance} has no recording in {'segments' if has_segments else 'wav.scp'}"))


def table(path: Path, mistakes: Mistakes) -> dict[str, tuple[Place, str]]:
    """Return places and lines by their first word.

    Raises:
        DataError: it is missing or cannot be read.
    """
    if reason := reason_unusable(path):
        packed = path.with_name(f"{path.name}.gz")
        hint = f"Unpack {packed.name}: gunzip -k {packed}" if reason == MISSING and packed.is_file() else ""
        raise DataError(Problem(str(path), reason, hint))
    lines: dict[str, tuple[Place, str]] = {}
    for number, line in read_lines(path, mistakes):
        if not line.strip():
            continue
        key, *rest = line.split(maxsplit=1)
        place = (str(path), number)
        if key in lines:
            mistakes.append((place, f"{key} is repeated, first in line {lines[key][0][1]}"))
        else:
            lines[key] = (place, "".join(rest).strip())
    return lines


def _optional(path: Path, mistakes: Mistakes) -> Table:
    return table(path, mistakes) if path.exists() else {}


def _part(value: str, rules: int) -> dict[str, str | float] | None:
    """Return recording, offset, end and channel of a segment."""
    try:
        recording, *rest = value.split()
        start, end = map(float, rest[:2])
        channel = [int(text) for text in rest[2:]]
    except ValueError:
        return None
    if len(channel) > (rules > 1):
        return None
    part: dict[str, str | float] = {"recording": recording, "offset": start}
    if end != _TO_THE_END:
        part["end"] = end
    # Kaldi counts channels from 0, and -1 is none.
    return part | {"channel": channel[0]} if channel and channel[0] != -1 else part


@dataclass(frozen=True, slots=True)
class _Channels:
    """Channels of recordings, by reco2file_and_channel."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    """Channel of each recording, counted from 0."""
    wrong: Mapping[str, tuple[Place, str]] = field(default_factory=dict)
    """Mistake of each recording in a bad line."""
    is_damaged: bool = False
    """True if a line could not be read, so that its recording is unknown."""

    @classmethod
    def read(cls, path: Path, mistakes: Mistakes) -> _Channels:
        """Read the file, if there is one.

        A channel is A or B, or a number from 1; if any number is 0, all of them count from 0.
        """
        before = len(mistakes)
        lines = _optional(path, mistakes)
        words = {recording: (value.split() or [""])[-1].upper() for recording, (_, value) in lines.items()}
        first = 0 if any(_NUMBER.fullmatch(word) and not int(word) for word in words.values()) else 1
        numbers, wrong = {}, {}
        for recording, word in words.items():
            if word in _LETTERS:
                numbers[recording] = _LETTERS[word]
            elif _NUMBER.fullmatch(word):
                numbers[recording] = int(word) - first
            else:
                place, value = lines[recording]
                what = f"{recording} {value!r}: must be a recording, a file and a channel, A, B, 1 or 2"
                wrong[recording] = (place, what)
        return cls(numbers, wrong, len(mistakes) > before)

    def mistake(self, recording: str, place: Place) -> tuple[Place, str] | None:
        """Return why an utterance's channel is unknown, and where.

        Without its channel it would silently be the mean of both speakers.

        Args:
            recording: recording of the utterance.
            place: place of the utterance.
        """
        if recording in self.wrong or recording in self.numbers or not self.is_damaged:
            return self.wrong.get(recording)
        return place, f"its recording {recording} has no channel, since reco2file_and_channel has a bad line"
