"""Whether utterances share speech: the same recording, or parts of one that overlap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Utterance

_ROUNDING = 0.02
"""Seconds. Where manifests round offsets and durations to 10 ms, neighbours overlap by up to 15. Less than a window."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is heard of a recording, in seconds from its beginning.

    Attributes:
        path: the file, absolute, symbolic links followed: two names of one file are one recording.
        begin: the first moment.
        end: the moment after the last.
    """

    path: Path
    begin: float
    end: float


def part_of(utterance: Utterance, path: Path) -> Part:
    """The part of the recording at `path`, as `Part` has it, that an utterance of a manifest is."""
    audio = utterance.audio
    assert isinstance(audio, FileAudio)
    # An utterance knows no sample rate, but what it lasts in samples and in seconds.
    begin = audio.start * utterance.seconds / audio.num_frames if audio.num_frames else 0.0
    return Part(path, begin, begin + utterance.seconds)


def count_overlaps(parts: Sequence[Part], others: Iterable[Part]) -> list[int]:
    """How many of `others` each of `parts` overlaps; itself is one, where it is among them. In n log n.

    Parts that only touch, or overlap by no more than rounding explains, do not overlap.
    """
    recordings = defaultdict[Path, tuple[list[float], list[float]]](lambda: ([], []))
    for other in others:
        begins, ends = recordings[other.path]
        begins.append(other.begin)
        ends.append(other.end)
    for begins, ends in recordings.values():
        begins.sort()
        ends.sort()
    numbers = []
    for part in parts:
        begins, ends = recordings[part.path]
        # Those that begin before it ends, less those that end before it begins.
        numbers.append(bisect_left(begins, part.end - _ROUNDING) - bisect_right(ends, part.begin + _ROUNDING))
    return numbers
