"""Causes of ended trials, read from Ray Tune's error files.

Tune passes on no exception, only this file. Its wording is that of Ray 2.60, of which `tests/search/ray/errors/` keeps
a sample for each pattern below.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_MAX_LENGTH = 500


class Cause(NamedTuple):
    """One line for the ledger."""

    text: str
    raised: bool = False
    """Whether the trial raised an exception; its process died otherwise."""


_DEATHS = {
    re.compile("low on memory"): (
        "out of memory: its process was killed: lower data.batch_size or run fewer trials at once"
    ),
    re.compile("actor died|actor is dead"): "its process died (killed, crashed or out of memory)",
}
"""Patterns of the deaths of a process, searched in this order; any other file has a traceback."""
_FRAME = re.compile(r'\s*File "(?P<file>.+)", line (?P<line>\d+), in ')
_PACKAGE = re.compile(r"/lib(64)?/python3|<frozen")
"""Files that are not custom code."""
_SILENT = Cause("its process ended without a word")


def read_cause(error_file: str | None) -> Cause:
    """Return the cause in an error file of Ray Tune.

    Args:
        error_file: path of the file; None or a missing file if Tune wrote none.
    """
    try:
        text = Path(error_file or "").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _SILENT
    lines = [line for line in text.splitlines() if line.strip()]
    for pattern, cause in _DEATHS.items():
        if pattern.search(text):
            return Cause(cause)
    return _exception(lines) if lines else _SILENT


def _exception(lines: list[str]) -> Cause:
    """Return the exception's first line and place."""
    frames = [(number, frame) for number, line in enumerate(lines) if (frame := _FRAME.match(line))]
    custom = [frame for _, frame in frames if not _PACKAGE.search(frame["file"])]
    place = f" at {custom[-1]['file']}:{custom[-1]['line']}" if custom else ""
    # The exception follows the last frame, in the first column, and may have several lines.
    after = lines[frames[-1][0] + 1 :] if frames else lines[-1:]
    first = next((line for line in after if not line[0].isspace()), lines[-1])
    return Cause(first.strip()[:_MAX_LENGTH] + place, raised=True)
