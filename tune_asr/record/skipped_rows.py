"""skipped_rows.jsonl: manifest rows dropped by `data.skip_bad`.

Each line is {"place", "reason"}.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tune_asr.errors import Problem
from tune_asr.storage.atomic import write_atomic
from tune_asr.storage.errors import storage_error

SKIPPED_ROWS = "skipped_rows.jsonl"


def write_skipped_rows(folder: Path, rows: Sequence[Problem], *, setting: str = "--results") -> Path:
    """Write the file into `folder`, and return its path.

    Args:
        folder: folder to write into; made if missing.
        rows: bad rows.
        setting: flag or key that names the folder, for the hint of an error.

    Raises:
        StorageError: it cannot be written.
    """
    path = folder / SKIPPED_ROWS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder, "cannot be made", setting=setting) from error
    lines = (json.dumps({"place": row.place, "reason": row.what}, ensure_ascii=False) + "\n" for row in rows)
    write_atomic(path, "".join(lines).encode(errors="backslashreplace"), setting=setting)
    return path
