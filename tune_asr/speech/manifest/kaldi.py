"""Kaldi's folder -> records.

wav.scp (id, path) and text (id, transcript); optional segments (id, recording, start, end, channel), utt2spk and
reco2file_and_channel. Other files, such as spk2gender, are ignored. Pipes are refused, never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.fields import Record
from tune_asr.speech.manifest.lines import Mistakes, Place, read_lines
from tune_asr.speech.manifest.spans import CHANNEL_IF_SEVERAL
from tune_asr.storage.files import reason_unusable

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
    channels = _channels(_optional(path / "reco2file_and_channel", mistakes), mistakes) if rules > 1 else {}
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
        record: dict[str, object] = {"id": utterance, "audio_filepath": audio, "text": texts[utterance][1], **part}
        if utterance in speakers:
            record["speaker"] = speakers[utterance][1]
        if "channel" not in part and recording in channels:
            record[CHANNEL_IF_SEVERAL] = channels[recording]
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
        raise DataError(Problem(str(path), reason))
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


def _channels(lines: Table, mistakes: Mistakes) -> dict[str, int]:
    """Return the channel of each recording, counted from 0.

    It is A or B, or a number from 1; if any number is 0, all of them count from 0.
    """
    words = {recording: value.split()[-1:] for recording, (_, value) in lines.items()}
    first = 0 if any(word and _NUMBER.fullmatch(word[0]) and not int(word[0]) for word in words.values()) else 1
    channels = {}
    for recording, word in words.items():
        name = word[0].upper() if word else ""
        if name in _LETTERS:
            channels[recording] = _LETTERS[name]
        elif _NUMBER.fullmatch(name):
            channels[recording] = int(name) - first
        else:
            what = f"{recording} {lines[recording][1]!r}: must be a recording, a file and a channel, A, B, 1 or 2"
            mistakes.append((lines[recording][0], what))
    return channels
