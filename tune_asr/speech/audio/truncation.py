"""Truncated files, recognised by the lengths in their container.

libsndfile reads the rest of a truncated WAV, AIFF or Ogg file without an error. FLAC and MP3 need no check here:
decoding them fails, or gives fewer samples than the header declares.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Literal

# A program that writes to a pipe cannot fill in the length later, and leaves a value near 2 or 4 GiB.
_UNKNOWN_LENGTH = 0x7FFF_F000


def is_truncated(path: Path) -> bool:
    """Return True if the container declares more data than exist.

    WAV, AIFF and Ogg are checked; any other container is False.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        match file.read(4):
            case b"RIFF":
                return _samples_are_cut(file, size, b"data", "little")
            case b"RIFX":
                return _samples_are_cut(file, size, b"data", "big")
            case b"FORM":
                return _samples_are_cut(file, size, b"SSND", "big")
            case b"OggS":
                return _page_is_cut(file, size)
    return False


def _samples_are_cut(file: BinaryIO, size: int, name: bytes, byteorder: Literal["little", "big"]) -> bool:
    """Walk the chunks of a RIFF or AIFF file.

    They begin after 12 bytes. Each has a name of 4, a length of 4, and its content, padded to an even end.
    """
    start = 12
    while start + 8 <= size:
        file.seek(start)
        header = file.read(8)
        length = int.from_bytes(header[4:], byteorder)
        if header[:4] == name:
            return length < _UNKNOWN_LENGTH and start + 8 + length > size
        start += 8 + length + length % 2
    return False


def _page_is_cut(file: BinaryIO, size: int) -> bool:
    """Walk the pages of an Ogg file.

    Each has 26 bytes, the number of segments, their lengths, and their content.
    """
    start = 0
    while start < size:
        file.seek(start)
        header = file.read(27 + 255)
        if header[:4] != b"OggS"[: len(header)]:
            return False  # other data follow the last page
        if len(header) < 27:
            return True
        segments = header[26]
        start += 27 + segments + sum(header[27 : 27 + segments])
    return start > size
