"""Causes of ended trials, read from Ray Tune's error files.

Tune passes on no exception, only this file. Its wording is that of Ray 2.60, of which `tests/search/ray/errors/` keeps
a sample for each pattern below.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tune_asr.search.deaths import Fault

_MAX_LENGTH = 500


class Cause(NamedTuple):
    """One line for the ledger."""

    text: str
    fault: Fault = Fault.DEATH


_ENDS = {
    re.compile("low on memory"): Cause(
        "out of memory: its process was killed: lower data.batch_size or run fewer trials at once"
    ),
    re.compile("actor never ran"): Cause("Ray never started its process", Fault.RAY),
    re.compile("its node has died|actor's node was terminated"): Cause("its node was lost", Fault.RAY),
    re.compile("^Failed to set up runtime environment", re.MULTILINE): Cause("Ray cannot start its process", Fault.RAY),
    re.compile("^The actor is not schedulable", re.MULTILINE): Cause("Ray has no place for its process", Fault.RAY),
    re.compile("actor is temporarily unavailable"): Cause("its process cannot be reached", Fault.CONTACT),
    re.compile("actor died|actor is dead"): Cause("its process died (killed, crashed or out of memory)"),
}
"""Patterns of ends without an exception of the training, searched in this order; any other file has a traceback."""
_REASON = re.compile(
    r"the actor's node was terminated \w+: (?P<node>.+)"
    r"|is dead because (?P<dead>.+)"
    r"|^Failed to set up runtime environment\.\n(?P<environment>.+)"
    r"|not schedulable: (?P<place>.+)"
    r"|temporarily unavailable: (?P<contact>[^.]+?)( rpc_code|\.|$)",
    re.MULTILINE,
)
"""Ray's own reason, which follows ours unless the process itself is at fault."""
_FRAME = re.compile(r'\s*File "(?P<file>.+)", line (?P<line>\d+), in ')
_PACKAGE = re.compile(r"/lib(64)?/python3|<frozen")
"""Files that are not custom code."""
_CARD = re.compile(r"(?:tune_asr\.errors\.)?CardError: (?P<what>.+)")
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
    for pattern, cause in _ENDS.items():
        if pattern.search(text):
            return cause if cause.fault is Fault.DEATH else cause._replace(text=_with_reason(cause.text, text))
    return _exception(lines) if lines else _SILENT


def _with_reason(what: str, text: str) -> str:
    """Add Ray's reason, and the address of the node."""
    node = re.search(r"^\s*ip: (\S+)", text, re.MULTILINE)
    where = f" (on {node[1]})" if node else ""
    found = _REASON.search(text)
    reason = next(filter(None, found.groups()), "") if found else ""
    return f"{what}{where}: {reason.strip()}"[:_MAX_LENGTH] if reason else f"{what}{where}"


def _exception(lines: list[str]) -> Cause:
    """Return the exception's first line and place."""
    frames = [(number, frame) for number, line in enumerate(lines) if (frame := _FRAME.match(line))]
    custom = [frame for _, frame in frames if not _PACKAGE.search(frame["file"])]
    place = f" at {custom[-1]['file']}:{custom[-1]['line']}" if custom else ""
    # The exception follows the last frame, in the first column, and may have several lines.
    after = lines[frames[-1][0] + 1 :] if frames else lines[-1:]
    first = next((line for line in after if not line[0].isspace()), lines[-1])
    if of_card := _CARD.match(first):
        return Cause(of_card["what"].strip()[:_MAX_LENGTH], Fault.CARD)
    return Cause(first.strip()[:_MAX_LENGTH] + place, Fault.EXCEPTION)
