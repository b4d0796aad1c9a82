"""Frames of an MP3 file, found by their headers.

A frame header gives the length of its frame (ISO/IEC 11172-3, 2.4.2.3), so that frames are counted without decoding.
Tags and other data between frames are passed over. MPEG-1, 2 and 2.5, layers I, II and III; no free format.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_HEADER = re.compile(rb"\xff[\xe0-\xff]")
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KILOBITS = {
    (3, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MOST_PROBED = 3  # frames in a row: fewer may be a coincidence in other data


@dataclass(frozen=True, slots=True)
class Kind:
    """Properties that all frames of a recording share."""

    version: int
    """3 for MPEG-1, 2 for MPEG-2, 0 for MPEG-2.5, as in the header."""
    layer: int
    rate_index: int

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return _RATES[self.version][self.rate_index]

    @property
    def samples(self) -> int:
        """Samples of a frame in each channel."""
        if self.layer == 1:
            return 384
        return 1152 if self.layer == 2 or self.version == 3 else 576

    def side_bytes(self, channels: int) -> int:
        """Return the size of a layer III frame's side information."""
        small, large = (17, 32) if self.version == 3 else (9, 17)
        return small if channels == 1 else large


@dataclass(frozen=True, slots=True)
class Frames:
    """Complete frames of a file."""

    kind: Kind
    channels: int
    offsets: array[int]
    """Place of each frame in the file."""
    sizes: array[int]
    """Bytes of each frame."""
    tags: list[int]
    """Indices of frames that describe a recording (Xing, Info or VBRI) and hold no samples."""


class FramesDiffer(Exception):
    """Frames of two kinds; the argument is the difference."""


def frames_of(data: bytes) -> Frames | None:
    """Find the frames of a file, None without any.

    Raises:
        FramesDiffer: sample rate, layer or number of channels change.
    """
    first = _find(data, after_tags(data))
    if first is None:
        return None
    kind = _kind(data, first)
    assert kind is not None
    offsets, sizes, end = _all(data, first, _sizes(kind))
    if (other := _find(data, after_tags(data, end))) is not None and _kind(data, other) not in (kind, None):
        raise FramesDiffer("sample rate or layer")
    are_mono = {data[i + 3] >> 6 == 3 for i in offsets}
    if len(are_mono) > 1:
        raise FramesDiffer("number of channels")
    if not offsets:
        return None
    channels = 1 if are_mono == {True} else 2
    tags = sorted(_tags(data, offsets, kind, channels))
    return Frames(kind, channels, array("Q", offsets), array("H", sizes), tags)


def after_tags(data: bytes, place: int = 0) -> int:
    """Return the place after ID3 and APE tags."""
    while size := _tag_size(data, place):
        place += size
    return place


def _all(data: bytes, start: int, table: list[int]) -> tuple[list[int], list[int], int]:
    """Return places and sizes of all frames, and their end."""
    offsets, sizes = list[int](), list[int]()
    place: int | None = start
    end = start
    while place is not None:
        end = _walk(data, place, table, offsets, sizes)
        if end > len(data):  # the last frame is incomplete
            offsets.pop()
            sizes.pop()
        place = None if end >= len(data) else _find(data, after_tags(data, end), table)
    return offsets, sizes, end


def _walk(data: bytes, place: int, table: list[int], offsets: list[int], sizes: list[int]) -> int:
    """Append successive frames; return the place after them."""
    last, add_offset, add_size = len(data) - 4, offsets.append, sizes.append
    while place <= last and data[place] == 255 and data[place + 1] >= 0xE0:
        if not (size := table[(data[place + 1] & 31) << 8 | data[place + 2]]):
            break
        add_offset(place)
        add_size(size)
        place += size
    return place


def _find(data: bytes, start: int, sizes: list[int] | None = None) -> int | None:
    """Return the place of the next frames.

    Without `sizes` they may be of any kind.
    """
    for found in _HEADER.finditer(data, start):
        place = found.start()
        kind = _kind(data, place) if sizes is None else None
        table = _sizes(kind) if kind else sizes
        if table is not None and _is_chain(data, place, table):
            return place
    return None


def _is_chain(data: bytes, place: int, sizes: list[int]) -> bool:
    """Return True for frames in a row.

    A short file, or a tag, may end them.
    """
    for number in range(_MOST_PROBED):
        if place + 4 > len(data) or (number and _tag_size(data, place)):
            return number > 0
        size = sizes[(data[place + 1] & 31) << 8 | data[place + 2]] if data[place] == 255 else 0
        if data[place + 1] < 0xE0 or not size:
            return False
        place += size
    return True


def _tag_size(data: bytes, place: int) -> int:
    """Return the size of an ID3 or APE tag."""
    match data[place : place + 3]:
        case b"ID3" if place + 10 <= len(data):
            footer = 10 if data[place + 5] & 0x10 else 0
            a, b, c, d = data[place + 6 : place + 10]
            return 10 + footer + (a << 21 | b << 14 | c << 7 | d)
        case b"TAG":
            return 227 if data[place + 3 : place + 4] == b"+" else 128
        case b"APE" if data[place : place + 8] == b"APETAGEX":
            # The size leaves out the header; a footer ends the tag.
            is_header = bool(data[place + 23 : place + 24] >= b"\x20" and data[place + 23] & 0x20)
            return 32 + int.from_bytes(data[place + 12 : place + 16], "little") if is_header else 32
    return 0


def _kind(data: bytes, place: int) -> Kind | None:
    """Return the kind of a frame, None without a header."""
    if place + 4 > len(data) or data[place] != 255 or data[place + 1] < 0xE0:
        return None
    version, layer = data[place + 1] >> 3 & 3, 4 - (data[place + 1] >> 1 & 3)
    rate_index, bits = data[place + 2] >> 2 & 3, data[place + 2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or bits in (0, 15):
        return None
    return Kind(version, layer, rate_index)


@lru_cache(maxsize=32)
def _sizes(kind: Kind) -> list[int]:
    """Return the bytes of a frame by header bits.

    They are 0 for other kinds.

    The index is made of the last five bits of the second byte, and of the third byte.
    """
    sizes = [0] * (1 << 13)
    kilobits = _KILOBITS[min(3, kind.version | 2), kind.layer if kind.version == 3 else min(kind.layer, 2)]
    for bits in range(1, 15):
        for padding in (0, 1):
            if kind.layer == 1:
                size = 4 * (12_000 * kilobits[bits] // kind.sample_rate + padding)
            else:
                size = kind.samples * 125 * kilobits[bits] // kind.sample_rate + padding
            for protection in (0, 1):
                second = kind.version << 3 | (4 - kind.layer) << 1 | protection
                for private in (0, 1):
                    sizes[second << 8 | bits << 4 | kind.rate_index << 2 | padding << 1 | private] = size
    return sizes


def _tags(data: bytes, offsets: list[int], kind: Kind, channels: int) -> Iterator[int]:
    """Yield the indices of Xing, Info and VBRI frames."""
    side = kind.side_bytes(channels)
    for name, places in ((b"Xing", (4 + side, 6 + side)), (b"Info", (4 + side, 6 + side)), (b"VBRI", (36, 38))):
        found = data.find(name, offsets[0])
        while found >= 0 and kind.layer == 3:
            index = bisect_right(offsets, found) - 1
            if found - offsets[index] in places:
                yield index
            found = data.find(name, found + 1)
