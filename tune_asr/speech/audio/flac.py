"""Length of a FLAC file whose header has none: a program that writes to a pipe leaves it at 0.

The last frame has a number, from which the samples before it follow (RFC 9639, section 9.1).
"""

from __future__ import annotations

import re
from pathlib import Path

MAGIC = b"fLaC\0\0\0\x22"
"""Beginning of a file, with the header of its first block."""
_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_WINDOW = 1 << 20  # bytes at the end, more than a frame
_SIZES = {1: 192, **{code: 576 << (code - 2) for code in range(2, 6)}, **{code: 1 << code for code in range(8, 16)}}


def head_with_length(path: Path) -> bytes | None:
    """Return the first bytes, with the number of samples.

    None if no frame is found.
    """
    with path.open("rb") as file:
        head = bytearray(file.read(26))
        start = max(len(head), path.stat().st_size - _WINDOW)
        file.seek(start)
        data = file.read()
    if not head.startswith(MAGIC):
        return None
    block = int.from_bytes(head[8:10])
    counts = (_end_of_frame(data[found.start() :][:16], block) for found in reversed([*_SYNC.finditer(data)]))
    count = next(filter(None, counts), None)
    if count is None:
        return None
    head[21] = head[21] & 0xF0 | count >> 32 & 0x0F  # the number of samples: 36 bits
    head[22:26] = (count & 0xFFFF_FFFF).to_bytes(4)
    return bytes(head)


def _end_of_frame(data: bytes, block: int) -> int:
    """Return the number of samples before a frame's end.

    It is 0 without a valid header.
    """
    code, rate, is_fixed = data[2] >> 4 if len(data) > 3 else 0, data[2] & 15 if len(data) > 3 else 0, data[1] == 0xF8
    if not code or rate == 15 or data[3] & 1 or data[3] >> 4 > 10:
        return 0
    first = data[4]
    following = 0 if first < 0x80 else 8 - (first ^ 0xFF).bit_length() - 1
    number = first if first < 0x80 else first & (0x3F >> following)
    for byte in data[5 : 5 + following]:
        number = number << 6 | byte & 0x3F
    place = 5 + following
    size = _SIZES.get(code, 0)
    if code in (6, 7):
        size = int.from_bytes(data[place : place + code - 5]) + 1
        place += code - 5
    place += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if place >= len(data) or _crc8(data[:place]) != data[place]:
        return 0
    return (number * block if is_fixed else number) + size


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 & 0xFF ^ (7 if crc & 0x80 else 0)
    return crc
