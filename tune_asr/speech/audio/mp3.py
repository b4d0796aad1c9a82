"""MP3 -> its length without decoding, and samples of any part.

libsndfile guesses the length without a Xing or Info tag, believes a wrong one, ends where the first of several joined
files ends, and begins a part with silence where frames borrow bits of earlier ones. So the frames are found here, and
those of a part are given to it alone, with the earlier ones that they need.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import soundfile

from tune_asr.speech.audio.info import AudioError, AudioInfo, Finding
from tune_asr.speech.audio.mp3_frames import Frames, FramesDiffer, frames_of

_DECODER_DELAY = 529  # samples, cut off by mpg123 at the start of what has a tag
_RESERVOIR = 512  # most bytes that a frame borrows of earlier ones
_OVERLAP = 2  # frames that sound on in later ones
_LARGEST_FRAME = 2881
_ENCODE = "Encode it again, for example: ffmpeg -i IN.mp3 OUT.flac"


@dataclass(frozen=True, slots=True)
class _Part:
    """Frames of one of the recordings joined in a file."""

    first: int
    last: int
    """Index after its last frame."""
    skipped: int
    """Samples before the first one that is kept."""
    length: int
    """Samples kept."""


@dataclass(frozen=True, slots=True)
class Mp3:
    """Recording in MP3 frames."""

    path: Path
    info: AudioInfo
    frames: Frames
    parts: tuple[_Part, ...]

    def blocks(self, start: int, num_frames: int, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield samples from `start`, shape (<= size, channels) each."""
        end, begin = start + num_frames, 0
        with self.path.open("rb") as file:
            for part in self.parts:
                for first in range(max(start, begin), min(end, begin + part.length), size):
                    length = min(size, min(end, begin + part.length) - first)
                    yield self._decoded(file.fileno(), part, part.skipped + first - begin, length)
                begin += part.length

    def _decoded(self, descriptor: int, part: _Part, start: int, length: int) -> npt.NDArray[np.float32]:
        """Decode samples of a part, counted from its first frame."""
        samples = self.frames.kind.samples
        first = part.first + start // samples
        last = min(part.last, part.first - (-(start + length) // samples))
        silent, earliest = self._needed(part, first)
        content, skipped = self._content(descriptor, earliest, silent, last), start - (earliest - part.first) * samples
        with _opened(content, 2 * _LARGEST_FRAME * (last - earliest + 2)) as file:
            decoded: npt.NDArray[np.float32] = file.read(skipped + length, dtype="float32", always_2d=True)
        if len(decoded) != skipped + length:
            raise AudioError("is damaged: it cannot be decoded to its end")
        return decoded[skipped:]

    def _needed(self, part: _Part, first: int) -> tuple[int, int]:
        """Return the first frame to decode, and to borrow from."""
        decoded = earliest = max(part.first, first - _OVERLAP)
        borrowed, overhead = 0, 6 + self.frames.kind.side_bytes(self.info.channels)
        while self.frames.kind.layer == 3 and earliest > part.first and borrowed < _RESERVOIR:
            earliest -= 1
            borrowed += self.frames.sizes[earliest] - overhead
        return decoded, earliest

    def _content(self, descriptor: int, earliest: int, decoded: int, last: int) -> bytes:
        """Return frames up to `last`, those before `decoded` silenced."""
        begin = self.frames.offsets[earliest]
        offsets, sizes = self.frames.offsets[earliest:last], self.frames.sizes[earliest:last]
        data = os.pread(descriptor, offsets[-1] + sizes[-1] - begin, begin)
        if len(data) != sum(sizes):  # other data stand between the frames
            data = b"".join(data[i - begin : i - begin + size] for i, size in zip(offsets, sizes, strict=True))
        content, place = bytearray(data), 0
        for size in sizes[: decoded - earliest]:
            content[place : place + size] = self._silenced(content[place : place + size])
            place += size
        # Another frame follows the last one, since a decoder recognises a frame by its successor.
        return bytes(content + data[-sizes[-1] :])

    def _silenced(self, frame: bytearray) -> bytearray:
        """Empty a frame that only lends its bits.

        Its own bits are borrowed of frames that are left out; a decoder would complain.
        """
        if frame[1] & 1:  # no checksum covers the side information
            borrowing = (frame[4], frame[5] & 0x80 if self.frames.kind.version == 3 else 0)
            side = self.frames.kind.side_bytes(self.info.channels)
            frame[4 : 4 + side] = bytes((*borrowing, *bytes(side - 2)))
        return frame


def open_mp3(path: Path) -> Mp3 | None:
    """Find the frames of an MP3 file, None without any.

    Raises:
        AudioError: it is truncated, or its frames are of several kinds.
    """
    status = path.stat()
    return _open(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)  # of an hour: two megabytes
def _open(path: Path, size: int, mtime_ns: int) -> Mp3 | None:
    del size, mtime_ns  # a changed file is another one
    data = path.read_bytes()
    try:
        frames = frames_of(data)
    except FramesDiffer as error:
        raise AudioError(f"changes its {error} in the middle", _ENCODE) from None
    if frames is None:
        return None
    tags = set(frames.tags)
    findings = set()
    parts = []
    for first, last in pairwise([*sorted({0, *tags}), len(frames.offsets)]):
        part, is_wrong = _part(data, frames, first, last) if first in tags else (_untagged(frames, first, last), False)
        parts.append(part)
        findings |= {Finding.WRONG_COUNT} if is_wrong else set()
    if len(parts) > 1:
        findings.add(Finding.JOINED)
    num_frames = sum(part.length for part in parts)
    if num_frames <= 0:
        raise AudioError("holds no samples")
    info = AudioInfo(frames.kind.sample_rate, frames.channels, num_frames, tuple(sorted(findings)))
    return Mp3(path, info, frames, tuple(parts))


def _untagged(frames: Frames, first: int, last: int) -> _Part:
    return _Part(first, last, 0, (last - first) * frames.kind.samples)


def _part(data: bytes, frames: Frames, tag: int, last: int) -> tuple[_Part, bool]:
    """Return the part after a tag; True if wrong."""
    declared, declared_bytes, trimmed = _read_tag(data, frames, tag)
    first, samples = tag + 1, frames.kind.samples
    num, available = last - first, frames.offsets[last - 1] + frames.sizes[last - 1] - frames.offsets[tag]
    if trimmed is None:
        return _untagged(frames, first, last), declared is not None and abs(declared - num) > 1
    delay, padding = trimmed
    skipped, cut = delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)
    kept = num * samples - skipped
    if declared is not None and declared > num:
        expected = declared * samples - skipped - cut
        is_cut = not declared_bytes or available + frames.sizes[tag] < declared_bytes
        if declared > num + 1 and is_cut:
            raise AudioError(f"is truncated: {max(0, min(kept, expected)):,} of {expected:,} samples are left")
        # The last frame alone is missing: a few samples less.
        kept = min(expected, kept) if declared == num + 1 else kept - cut
    else:
        kept -= cut
    is_wrong = declared is not None and abs(declared - num) > 1
    return _Part(first, last, skipped, max(0, kept)), is_wrong


def _read_tag(data: bytes, frames: Frames, tag: int) -> tuple[int | None, int | None, tuple[int, int] | None]:
    """Return the frames, bytes and added samples by a tag.

    The latter is a number of samples at the start and at the end; None for VBRI, which does not tell.
    """
    begin = frames.offsets[tag]
    frame = data[begin : begin + frames.sizes[tag]]
    if (place := frame.find(b"VBRI", 36, 42)) >= 0:
        return int.from_bytes(frame[place + 14 : place + 18]), int.from_bytes(frame[place + 10 : place + 14]), None
    side = 4 + frames.kind.side_bytes(frames.channels)
    place = max(frame.find(name, side, side + 6) for name in (b"Xing", b"Info"))
    flags = frame[place + 7]
    place += 8
    numbers: list[int | None] = []
    for flag in (1, 2):
        numbers.append(int.from_bytes(frame[place : place + 4]) if flags & flag else None)
        place += 4 if flags & flag else 0
    place += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    encoder = frame[place : place + 24]  # nine letters, twelve bytes of other facts, delay and padding in 12 bits each
    added = int.from_bytes(encoder[21:24]) if len(encoder) == 24 and encoder[0] else 0
    return numbers[0], numbers[1], (added >> 12, added & 0xFFF)


@contextmanager
def _opened(content: bytes, room: int) -> Iterator[soundfile.SoundFile]:
    """Open frames as a file.

    libsndfile decodes no more than it guesses from the size, so zeros follow, more than enough.
    """
    with _memory() as file:
        file.write(content)
        file.truncate(len(content) + room)
        file.seek(0)
        with soundfile.SoundFile(file.fileno(), closefd=False) as decoder:
            yield decoder


def _memory() -> IO[bytes]:
    """Open a file in memory.

    The decoder reads it faster than by calls of Python.
    """
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("mp3"), "wb+")
    return tempfile.TemporaryFile()
