"""Stretch of a file as a file of its own, under another header."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Spliced(io.RawIOBase):
    """Bytes of a stretch of a file, under another head."""

    def __init__(self, path: Path, start: int, end: int, head: bytes = b"") -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start = start
        self._size = end - start
        self._head = head
        self._place = 0

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer; return the number of bytes."""
        view = memoryview(buffer).cast("B")
        size = max(0, min(len(view), self._size - self._place))
        head = self._head[self._place : self._place + size]
        view[: len(head)] = head
        self._file.seek(self._start + self._place + len(head))
        size = len(head) + self._file.readinto(view[len(head) : size])
        self._place += size
        return size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
