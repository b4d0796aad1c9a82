"""Links of a chained Ogg file: streams one after the other (RFC 3533, section 4)."""

from __future__ import annotations

import mmap
from typing import BinaryIO

from tune_asr.speech.audio.info import AudioError

_BEGINS = 0x02  # flag of the first page of a stream


def links_of(file: BinaryIO, size: int) -> list[tuple[int, int]]:
    """Return start and end of each Ogg stream.

    Each page has 26 bytes, the number of segments, their lengths, and their content. Streams that begin together are
    one link. Other data, such as tags, may stand between pages and after the last one.

    Raises:
        AudioError: the last page is cut.
    """
    starts, place, was_beginning = list[int](), 0, False
    while place < size:
        file.seek(place)
        header = file.read(27 + 255)
        if header[:4] != b"OggS"[: len(header)]:
            if (found := _next_page(file, place)) is None:
                break
            place = found
            continue
        if len(header) < 27:
            place = size + 1
            break
        begins = bool(header[5] & _BEGINS)
        if not starts or (begins and not was_beginning):  # a damaged file may lack the flag
            starts.append(place)
        was_beginning = begins
        segments = header[26]
        place += 27 + segments + sum(header[27 : 27 + segments])
    if place > size:
        raise AudioError("is truncated: the file ends before the samples that its header declares")
    return [*zip(starts, [*starts[1:], place], strict=True)]


def _next_page(file: BinaryIO, start: int) -> int | None:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(b"OggS\0", start)
    return None if place < 0 else place
