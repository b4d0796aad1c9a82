"""Ledger: all events of a search, one per line.

The ledger is append-only and fsynced. With search.yaml and the checkpoints it is the only truth of a search. The
driver alone writes it; any process may read it at any time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from tune_asr.errors import Problem, StorageError
from tune_asr.record import batches
from tune_asr.record.event_lines import parse
from tune_asr.record.events import Event
from tune_asr.storage.errors import storage_error
from tune_asr.storage.files import fsync, regular
from tune_asr.wording import printable, shortened

Values = Mapping[str, Any]

_END_BYTES = 1024
_BATCH_BYTES = 1 << 17


class Ledger:
    """Ledger open for writing, by one process at a time.

    Use `Ledger.open`; `ResultsFolder.lock` keeps other processes out.
    """

    def __init__(self, path: Path, descriptor: int, length: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._length = length

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Open the ledger at `path` for appending.

        A missing file is created, and a torn last line is cut.

        Raises:
            StorageError: the file cannot be written, or a line before the last one is broken.
        """
        try:
            length = sum(size for _, size in _lines(path)) if path.exists() else 0
            # Python opens files close-on-exec: no child of the driver holds the ledger.
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
            fsync(path.parent)
        except OSError as error:
            raise storage_error(error, path, "cannot open the ledger for writing") from error
        return cls(path, descriptor, length)

    def append(self, *events: Event) -> list[Event]:
        """Write events in one piece, and wait for the disk.

        If the disk refuses, none of them is written; after a power cut, all of them or the first ones are.

        Args:
            events: events without a time; it is added.

        Returns:
            The events as they are read back: with their time, and None for numbers that are not finite. Applied to a
            state, they give the same as a replay.

        Raises:
            StorageError: the disk is full or failed; the ledger is unchanged.
        """
        written = [as_written(event) for event in events]
        data = b"".join(map(encoded, written))
        try:
            rest = memoryview(data)
            while rest:  # one write; a disk with room for a part only refuses the next one
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError as error:
            # The next event must not follow half a line. If this fails too, a resume cuts the line.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._length)
            raise storage_error(error, self._path, "cannot append to the ledger") from error
        self._length += len(data)
        return [parse(values) for values in written]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def iter_ledger(path: Path) -> Iterator[Event]:
    """Yield the events at `path`, without a torn last line.

    Raises:
        StorageError: the file is missing, a line before the last one is broken, or a line is not an event.
    """
    number = 0
    try:
        for batch in _batches(path):
            try:
                for event in batches.events(batch):
                    yield event
                    number += 1
            except ValueError as error:
                what = f"the line is damaged: {error}"
                raise StorageError(Problem(f"{path}:{number + 1}", what, repair_hint(path, number + 1))) from error
    except FileNotFoundError as error:
        what = f"there is no ledger: {path.parent} is not a results folder, or has lost its {path.name}"
        raise StorageError(Problem(str(path), what, "Name the folder that a search has written.")) from error
    except OSError as error:
        raise storage_error(error, path, "cannot read the ledger") from error


def ends_finished(path: Path) -> bool:
    """Return whether the last line ends a finished search.

    The lines before it are not read.

    Raises:
        OSError: the file cannot be read.
    """
    with regular(path).open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END_BYTES))
        last = file.read().rpartition(b"\n")[0].rpartition(b"\n")[2] + b"\n"
    values = _values(last) or {}
    return (values.get("event"), values.get("status")) == ("search_ended", "finished")


def timestamp() -> str:
    """Return the time of now, as events have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_written(event: Event) -> dict[str, Any]:
    """Return the values of a line, null for non-finite numbers."""
    values = {"event": event.event, "time": event.time or timestamp()}
    return values | {key: value for key, value in event.items() if key not in values}


def encoded(event: dict[str, Any]) -> bytes:
    """Return a line of the ledger."""
    text = json.dumps(event, ensure_ascii=False, allow_nan=False)
    # A lone surrogate (a file name that is not UTF-8, in an error message) has no UTF-8 form. The
    # handler writes it as \udcNN, which is how JSON escapes it.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _batches(path: Path) -> Iterator[list[Values]]:
    """Yield the values of the lines, some at a time."""
    number = position = 0
    with regular(path).open("rb") as file:
        while lines := file.readlines(_BATCH_BYTES):
            batch = [values for values in map(_values, lines) if values is not None]
            if len(batch) < len(lines):
                break
            yield batch
            number, position = number + len(lines), file.tell()
    # A damaged line, or a torn end.
    yield from ([values] for values, _ in _lines(path, number, position))


def _lines(path: Path, number: int = 0, position: int = 0) -> Iterator[tuple[Values, int]]:
    """Yield the values of each line, and its bytes.

    A crash tears the last line alone; a broken line before it is an error.

    Args:
        path: ledger.
        number: lines to pass over.
        position: their bytes.
    """
    with regular(path).open("rb") as lines:
        lines.seek(position)
        for line in lines:
            number += 1
            values = _values(line)
            if values is None:
                if not line.endswith(b"\n") or not lines.read(1):  # a running search may complete it meanwhile
                    return
                what = f"the line is damaged: it is not an event, but {_beginning(line)}"
                raise StorageError(Problem(f"{path}:{number}", what, repair_hint(path, number)))
            yield values, len(line)


def _values(line: bytes) -> Values | None:
    """Return the values of an event's line, or None."""
    if not line.endswith(b"\n"):
        return None
    try:
        values = from_json(line, cache_strings="keys")
    except ValueError:
        try:  # as escaped surrogates, which `from_json` refuses
            values = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            return None
    return values if isinstance(values, dict) and isinstance(values.get("event"), str) else None


def _beginning(line: bytes) -> str:
    """Return the start of a damaged line for people."""
    try:
        return f"'{shortened(printable(line.rstrip().decode()), 60)}'"
    except UnicodeDecodeError as error:
        return f"not even text (byte 0x{line[error.start]:02x})"


def repair_hint(path: Path | str, line: int) -> str:
    """Return the hint for a damaged line."""
    if line == 1:  # nothing would be left
        return f"Restore {path} from a copy, or start a new search."
    return f"Restore {path} from a copy, or cut it off before line {line} and --resume: what is cut is trained again."
