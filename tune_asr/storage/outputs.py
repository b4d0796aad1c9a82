"""Files that a flag names for output: nothing but an earlier output is replaced.

Inputs, checkpoints, bundles and records are so safe from a flag with the wrong path.
"""

from __future__ import annotations

import re
from pathlib import Path

from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.storage.errors import writing
from tune_asr.storage.files import SPECIAL

_BEGINNING = 1 << 16
_HINT = "Name a new file, or remove this one."


def clear_output(path: Path, begins: re.Pattern[bytes], flag: str) -> None:
    """Remove an earlier output; refuse any other file.

    A failure then leaves no stale output.

    Args:
        path: file to write later.
        begins: beginning of each earlier output; an empty file is replaced as well.
        flag: flag that named the file.

    Raises:
        ConfigError: it is a folder, a device, or a file of another kind.
        StorageError: its folder does not exist, or the file system refuses a call.
    """
    place = f"{flag} {path}"
    with writing(path, "cannot be used", setting=flag):
        if path.is_dir():
            raise ConfigError(Problem(place, "this is a folder", "Name a file."))
        if not path.absolute().parent.is_dir():
            what = f"there is no folder {path.absolute().parent}"
            raise StorageError(Problem(place, what, f"Make it, or choose another {flag}."))
        if not path.exists():
            return
        if not path.is_file():
            raise ConfigError(Problem(place, f"this is {SPECIAL}", "Name a file."))
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
        if beginning and not begins.match(beginning):
            what = f"this file exists, and is no earlier output of {flag}: it is not overwritten"
            raise ConfigError(Problem(place, what, _HINT))
        path.unlink()
