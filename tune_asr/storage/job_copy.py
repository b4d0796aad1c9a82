"""Copy of a working directory that Ray makes for a submitted job, and removes after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tune_asr.errors import ConfigError, Problem

_PARTS = ("runtime_resources", "working_dir_files")
"""Folders of a Ray session that hold these copies, one in the other."""


def job_copy(place: Path) -> Path | None:
    """Return the copy that holds `place`, if there is one."""
    parts = place.parts
    for end in range(len(_PARTS), len(parts)):
        if parts[end - len(_PARTS) : end] == _PARTS:
            return Path(*parts[: end + 1])
    return None


def require_outside(paths: Iterable[tuple[str, Path]], hint: str) -> None:
    """Refuse paths in the copy that is the working directory.

    Elsewhere nothing is refused.

    Args:
        paths: flag or key, and path of each.
        hint: hint for all of them.

    Raises:
        ConfigError: a path lies in the copy.
    """
    copy = job_copy(Path.cwd())
    if copy is None:
        return
    inside = [(key, path) for key, path in paths if path.resolve().is_relative_to(copy.resolve())]
    rule = "lies in Ray's copy of the working directory, which Ray removes after the job"
    if inside:
        *others, last = (Problem(key, f"{path} {rule}") for key, path in inside)
        raise ConfigError([*others, replace(last, hint=hint)])
