"""Page of a running search, written anew until the search ends."""

from __future__ import annotations

import gc
import time
from pathlib import Path

from tune_asr.record.folder import ResultsFolder
from tune_asr.report.html.page import write_page

SECONDS = 10
"""Time between two pages, and between two loads by the browser."""
_LOOK_SECONDS = 0.5


def watch(root: Path, file: Path, seconds: float = SECONDS) -> None:
    """Write the page of a running search until it ends.

    The last page, of the search at its end, does not load itself again.

    Args:
        root: results folder.
        file: page.
        seconds: time between two pages.

    Raises:
        StorageError: as for `write_page`.
    """
    folder, is_running = ResultsFolder(root), True
    while is_running:
        gc.collect()  # figures have cycles
        due = time.monotonic() + seconds
        while folder.is_running() and time.monotonic() < due:
            time.sleep(min(_LOOK_SECONDS, seconds))
        is_running = write_page(root, file, reload=SECONDS)
