"""Is there a file that can be opened without harm? Asked of manifests and of recordings."""

from __future__ import annotations

import stat
from pathlib import Path


def reason_unusable(path: Path) -> str | None:
    """Return why `path` cannot be read, as a phrase that follows its name, or None where it is a file with content.

    Nothing is opened: to open a FIFO waits for a writer, and a device may never end.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be opened ({error.strerror})"
    except ValueError:
        return "has a name that no file can have"
    if stat.S_ISDIR(status.st_mode):
        return "is a directory, not a file"
    if not stat.S_ISREG(status.st_mode):
        return "is a FIFO, a socket or a device, not a file"
    return None if status.st_size else "is empty"
