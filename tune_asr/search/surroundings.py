"""Working directory and umask of the driver, which processes of Ray do not inherit."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Working directory and umask of a process."""

    import_path: str
    """Working directory, from which custom classes are imported."""
    umask: int

    @classmethod
    def here(cls) -> Surroundings:
        """Return those of this process."""
        umask = os.umask(0)
        os.umask(umask)
        return cls(str(Path.cwd()), umask)

    def enter(self) -> None:
        """Make them those of this process."""
        os.umask(self.umask)
        if self.import_path not in sys.path:
            sys.path.insert(0, self.import_path)
