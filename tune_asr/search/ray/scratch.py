"""Temporary files of a local Ray and its workers, removed with it.

They are killed at the end of a search, and leave sockets and folders behind. So they get a TMPDIR of their own.
"""

from __future__ import annotations

import getpass
import os
import tempfile
from pathlib import Path

from tune_asr.storage.owned import owned_folder, remove_owned
from tune_asr.storage.temporary import LASTING

_PREFIX = "tmp-"
_COMPILED = "TORCHINDUCTOR_CACHE_DIR"


class Scratch:
    """TMPDIR of the processes that a search starts.

    What shall outlive them goes to the folder that TMPDIR named before.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._before: dict[str, str | None] = {}

    def use(self, closed: Path) -> None:
        """Make the folder.

        Args:
            closed: folder of this user for a local Ray, with a path short enough for sockets.
        """
        lasting = tempfile.gettempdir()  # Python looks at TMPDIR once
        self._folder = owned_folder(closed, _PREFIX)
        variables = {"TMPDIR": str(self._folder), LASTING: lasting}
        if _COMPILED not in os.environ:  # torch would compile everything anew
            variables[_COMPILED] = str(Path(lasting, f"torchinductor_{_user()}"))
        self._before = {name: os.environ.get(name) for name in variables}
        os.environ |= variables

    def remove(self) -> None:
        """Remove the folder, once no process of Ray is left."""
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self._before = {}
        if self._folder:
            remove_owned(self._folder)


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # no name for its number
        return str(os.getuid())
