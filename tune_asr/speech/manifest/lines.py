"""Lines of a file with their numbers, unpacked if it is gzip.

A line that is no UTF-8 is recorded as a mistake, and the next one is read. Packed files are unpacked block by block,
and never to more than `MAX_UNPACKED` bytes at over `MAX_EXPANSION` times their size.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from tune_asr.errors import DataError, Problem

MAX_LINE = 1_000_000
"""Bytes of a line."""
MAX_UNPACKED = 1_000_000_000
"""Bytes of an unpacked file, if they are over `MAX_EXPANSION` times the packed ones."""
MAX_EXPANSION = 100
MAX_BLANK = 1_000_000
"""Bytes of blank lines without a row between them."""

PERMIT = "Make it readable for this user."
_GZIP = b"\x1f\x8b"
_MOST_DEFLATED = 1032  # bytes that one byte of gzip can stand for
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Place: TypeAlias = tuple[str, int]  # file, number of the line
Mistakes: TypeAlias = list[tuple[Place, str]]
Lines: TypeAlias = Iterator[tuple[int, str]]  # numbers, and lines without their ends


def kind_of(path: Path) -> str:
    """Return the ending in lower case, without `.gz`."""
    path = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return path.suffix.lower()


def read_lines(path: Path, mistakes: Mistakes) -> Lines:
    """Yield the good lines of a file, packed or not.

    Raises:
        DataError: it cannot be read, is UTF-16 or damaged gzip, has a line above `MAX_LINE` or blank lines above
            `MAX_BLANK`, or unpacks to too much.
    """
    with _opened(path) as file:
        number = blank = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if number == 1:
                if line.startswith(_UTF_16):
                    raise DataError(Problem(f"{path}:1", "the file is UTF-16", "Save it as UTF-8."))
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) > MAX_LINE:
                what = f"the line is longer than {MAX_LINE:,} bytes, so this is no list of recordings"
                raise DataError(Problem(f"{path}:{number}", what, "Write one row a line."))
            blank = 0 if line.strip() else blank + len(line)
            if blank > MAX_BLANK:
                what = f"over {MAX_BLANK:,} bytes of blank lines follow each other, so this is no list of recordings"
                raise DataError(Problem(f"{path}:{number}", what, "Remove the blank lines."))
            if b"\0" in line:
                mistakes.append(((str(path), number), "holds a NUL byte, as UTF-16 does; a manifest is UTF-8"))
                continue
            try:
                yield number, line.decode().removesuffix("\n")
            except UnicodeDecodeError as error:
                byte = f"byte 0x{line[error.start]:02x}, column {error.start + 1}"
                mistakes.append(((str(path), number), f"not UTF-8: {byte}"))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            if not is_packed:
                yield file
                return
            _check_expansion(path)
            with gzip.open(file) as unpacked:
                yield unpacked
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(Problem(str(path), "is damaged gzip, or ends early", "Pack or copy it again.")) from error
    except OSError as error:
        raise DataError(Problem(str(path), f"the manifest cannot be read ({error.strerror})", PERMIT)) from error


def _check_expansion(path: Path) -> None:
    """Refuse a file that unpacks to far too much."""
    packed = path.stat().st_size
    most = max(MAX_UNPACKED, MAX_EXPANSION * packed)
    if packed * _MOST_DEFLATED <= most:
        return
    unpacked = 0
    with gzip.open(path) as file:
        while block := file.read(MAX_LINE):
            unpacked += len(block)
            if unpacked > most:
                what = f"{packed:,} bytes of gzip unpack to more than {most:,}, over {MAX_EXPANSION} times as many"
                raise DataError(Problem(str(path), what, "No manifest is that repetitive: make it again."))
