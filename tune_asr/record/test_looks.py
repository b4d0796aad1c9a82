"""test_set.jsonl: evaluations on the search's own test set, one a line.

A model chosen by its errors on the test set fits that set by chance. So every look at it is on record.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from tune_asr.errors import Problem, StorageError
from tune_asr.record.ledger import timestamp
from tune_asr.storage.files import fsync, regular

TEST_LOOKS = "test_set.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestLook:
    """One evaluation of a trial on the test set."""

    __test__ = False  # no test case for pytest

    trial: str
    epoch: int
    manifest: str
    utterances: int
    words: int
    wer: float
    cer: float
    by: str = "evaluate"
    """Door that looked."""
    time: str = ""
    """ISO 8601, UTC; that of the writing if empty."""


def record_look(folder: Path, look: TestLook) -> None:
    """Append a look to the record of a results folder.

    Raises:
        StorageError: it cannot be written.
    """
    path = folder / TEST_LOOKS
    line = json.dumps(asdict(look) | {"time": look.time or timestamp()}, ensure_ascii=False) + "\n"
    try:
        is_new = not path.exists()
        with regular(path, missing_ok=True).open("ab+") as file:
            if file.tell() and not _ends_line(file):  # the write of an earlier look was cut short
                line = f"\n{line}"
            file.write(line.encode(errors="backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            fsync(folder)
    except OSError as error:
        raise StorageError(
            Problem(
                str(path),
                f"cannot record that the test set was looked at: {error.strerror or error}",
                "Make the results folder writable, or evaluate its best.ckpt.",
            )
        ) from error


def read_looks(folder: Path) -> list[TestLook]:
    """Read the looks on record, without damaged lines."""
    try:
        lines = regular(folder / TEST_LOOKS).read_bytes().splitlines()
    except OSError:
        return []
    return [look for line in lines if (look := _look(line))]


def _ends_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _look(line: bytes) -> TestLook | None:
    """Read a line; None if it is damaged."""
    try:
        look = TestLook(**json.loads(line))
        numbers = (look.epoch, look.utterances, look.words, look.wer, look.cer)
        return look if all(isinstance(value, int | float) for value in numbers) and look.trial.isdigit() else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
