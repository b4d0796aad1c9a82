"""Versions of Ray and Python on the nodes of a cluster.

Ray unpickles between its processes, so all of them need one release of Ray and one minor release of Python.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from importlib.util import find_spec

from tune_asr.errors import ClusterError

_NEEDED = ("torch", "torchaudio", "lightning", "numpy", "pydantic", "yaml", "soundfile", "rapidfuzz", "sentencepiece")
"""Modules that a worker imports, beside Ray's."""
_HINT = "Install the same Ray and the same Python on every node."
_REFUSAL = re.compile(
    r"Version mismatch: The cluster .*\n\s*Ray: (?P<ray>.+)\n\s*Python: (?P<python>.+)\n"
    r"This process on node (?P<here>.+) was .*\n\s*Ray: (?P<own_ray>.+)\n\s*Python: (?P<own_python>.+)"
)
"""Ray's message to a driver of another version."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions on a node, and modules that it lacks."""

    ray: str
    python: str
    lacking: tuple[str, ...] = ()

    @classmethod
    def here(cls) -> Versions:
        """Return the versions of this process."""
        import ray

        lacking = tuple(name for name in _NEEDED if find_spec(name) is None)
        return cls(ray.__version__, platform.python_version(), lacking)

    def check(self, node: str, own: Versions) -> None:
        """Compare a node with the driver.

        Args:
            node: name of the node, for the message.
            own: versions of the driver.

        Raises:
            ClusterError: Ray, or the minor release of Python, is another, or a module is missing.
        """
        if self.ray != own.ray or _minor(self.python) != _minor(own.python):
            raise ClusterError(f"{node} has {self}, but this search runs with {own}", hint=_HINT)
        if self.lacking:
            what = f"{node} has no {', '.join(self.lacking)}, which training needs"
            raise ClusterError(what, hint="Install the dependencies on every node.")

    def __str__(self) -> str:
        return f"Ray {self.ray} and Python {self.python}"


def other_version(message: str) -> ClusterError | None:
    """Return the error for a head of other versions.

    It is None for any other message.

    Args:
        message: message of Ray's refusal to join.
    """
    found = _REFUSAL.search(message)
    if not found:
        return None
    head, own = Versions(found["ray"], found["python"]), Versions(found["own_ray"], found["own_python"])
    what = f"the head of the cluster has {head}, but this search, on node {found['here']}, runs with {own}"
    return ClusterError(what, hint=_HINT)


def _minor(python: str) -> list[str]:
    return python.split(".")[:2]
