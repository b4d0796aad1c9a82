"""Lengths in WAV, W64 and AIFF files, beside the bytes that are there.

A recorder writes the length last. Where it was killed the length is 0, or the one of an earlier moment; a program that
writes to a pipe leaves a value near 2 or 4 GiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from tune_asr.speech.audio.info import AudioError, check_rate

UNKNOWN_LENGTH = 0x7FFF_F000
_MOST_CHUNKS = 1000
_TOLERATED_SECONDS = 0.1  # of bytes at the end that may be anything
_TOLERATED_SHARE = 0.01
_TOO_LONG = "Mend its header, for example: sox --ignore-length IN.wav OUT.wav"
_FILES = (b"RIFF", b"RIFX", b"RF64", b"FORM")


@dataclass(frozen=True, slots=True)
class Chunks:
    """Place and length of the samples in a file."""

    byteorder: Literal["little", "big"]
    start: int
    """First byte of the samples."""
    declared: int
    """Bytes by the header."""
    available: int
    """Bytes from `start` to the end of the file."""
    bytes_per_second: int
    """0 if unknown."""
    rest: int
    """Place after the samples, and after the chunks that follow them."""
    is_wav: bool
    is_large: bool = False
    """True if its length has 64 bits."""

    @property
    def has_no_length(self) -> bool:
        """True if the header was never completed."""
        is_unknown = self.declared >= UNKNOWN_LENGTH and not self.is_large
        return is_unknown or (self.declared == 0 and self.rest < self.start + self.available)

    @property
    def are_cut(self) -> bool:
        """True if the file ends before the declared samples."""
        return not self.has_no_length and self.declared > self.available


def chunks_of(file: BinaryIO, size: int) -> Chunks | None:
    """Walk the chunks of a WAV or AIFF file."""
    file.seek(0)
    order: Literal["little", "big"] = "little" if file.read(4) in (b"RIFF", b"RF64") else "big"
    rate, long = 0, None
    for place, name, length in _walk(file, 12, size, order):
        if name == b"fmt ":
            file.seek(place + 4)
            check_rate(int.from_bytes(file.read(4), order))
            rate = int.from_bytes(file.read(4), order)
        elif name == b"ds64":  # of RF64, which is WAV above 4 GB
            file.seek(place + 8)
            long = int.from_bytes(file.read(8), order)
        elif name == b"COMM":
            file.seek(place)
            rate = _aiff_rate(file.read(18))
        elif name in (b"data", b"SSND"):
            is_large = long is not None and length == 0xFFFF_FFFF
            length = long if long is not None and is_large else length
            end = place + length + length % 2
            rest = _after(file, end, size, order)
            return Chunks(order, place, length, size - place, rate, rest, name == b"data", is_large)
    return None


def chunks_of_w64(file: BinaryIO, size: int) -> Chunks | None:
    """Walk the chunks of a W64 file.

    Each has a name of 16 bytes and a length of 8 that counts both; it is padded to a multiple of 8.
    """
    place, rate = 40, 0
    for _ in range(_MOST_CHUNKS):
        file.seek(place)
        header = file.read(36)
        length = max(24, int.from_bytes(header[16:24], "little"))
        if header[:4] == b"fmt ":
            check_rate(int.from_bytes(header[28:32], "little"))
            rate = int.from_bytes(header[32:36], "little")
        elif header[:4] == b"data":
            # Nothing is checked after the samples, unless there are none.
            rest = size if length > 24 else place + 24
            return Chunks("little", place + 24, length - 24, size - place - 24, rate, rest, is_wav=True, is_large=True)
        place += length + -length % 8
    return None


def check_rest(file: BinaryIO, size: int, chunks: Chunks) -> None:
    """Refuse a file with samples after the declared ones.

    Raises:
        AudioError: it holds another file, or more than a little that is neither a chunk nor zeros.
    """
    rest = size - chunks.rest
    if chunks.has_no_length or rest <= 0 or not chunks.bytes_per_second:
        return
    seconds, declared = rest / chunks.bytes_per_second, chunks.declared / chunks.bytes_per_second
    file.seek(chunks.rest)
    start = file.read(4)
    if start in _FILES and rest > 44:
        more = f"another file begins after its {declared:.4g} s ({seconds:.4g} s more)"
        raise AudioError(f"holds two recordings: {more}", "Split them, or join their samples by sox.")
    if seconds > max(_TOLERATED_SECONDS, _TOLERATED_SHARE * declared) and _has_content(file, chunks.rest):
        more = f"{seconds:.4g} s of samples after the {declared:.4g} s"
        raise AudioError(f"holds {more} that its header declares", _TOO_LONG)


def completed_head(path: Path, chunks: Chunks) -> bytes:
    """Return the bytes before the samples, with the length."""
    with path.open("rb") as file:
        head = bytearray(file.read(chunks.start))
    length = min(chunks.available, 0xFFFF_FFFE - chunks.start)
    head[-4:] = length.to_bytes(4, chunks.byteorder)
    head[4:8] = (chunks.start + length - 8).to_bytes(4, chunks.byteorder)
    return bytes(head)


def _walk(file: BinaryIO, start: int, size: int, order: Literal["little", "big"]) -> Iterator[tuple[int, bytes, int]]:
    """Yield place, name and length of each chunk."""
    for _ in range(_MOST_CHUNKS):
        if start + 8 > size:
            return
        file.seek(start)
        header = file.read(8)
        length = int.from_bytes(header[4:], order)
        yield start + 8, header[:4], length
        start += 8 + length + length % 2


def _after(file: BinaryIO, start: int, size: int, order: Literal["little", "big"]) -> int:
    """Return the end of the complete chunks from a place."""
    for place, name, length in _walk(file, start, size, order):
        if name in _FILES or not name.decode("latin-1").isprintable() or max(name) > 126 or place + length > size:
            break
        start = place + length + length % 2
    return start


def _has_content(file: BinaryIO, start: int) -> bool:
    """Return True if anything but zeros follows."""
    file.seek(start)
    while block := file.read(1 << 16):
        if block.count(0) < len(block):
            return True
    return False


def _aiff_rate(common: bytes) -> int:
    """Return bytes a second by COMM, with its 80-bit rate."""
    channels, bits = int.from_bytes(common[:2]), int.from_bytes(common[6:8])
    exponent, mantissa = int.from_bytes(common[8:10]) - 16383 - 63, int.from_bytes(common[10:18])
    rate = mantissa >> -exponent if -64 < exponent <= 0 else 0
    return channels * ((bits + 7) // 8) * rate
