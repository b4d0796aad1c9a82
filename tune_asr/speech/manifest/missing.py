"""Recordings that are not there: names of recordings, and sentences on the nearest file."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path, PurePath

from tune_asr.storage.files import names_in
from tune_asr.wording import is_address

ENDINGS = (".flac", ".wav", ".ogg", ".mp3")
_PLACEHOLDER = re.compile(r"\$\{?(\w+)\}?(?=/)|\{(\w+)\}(?=/)")
_IN_ARCHIVE = re.compile(r"\.ark(:\d+)?(\[.*\])?$")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")


def beside(folder: Path, name: str) -> str:
    """Return the existing recording of this name, else the first.

    Args:
        folder: folder of relative names.
        name: name without an ending.
    """
    candidates = [f"{name}{ending}" for ending in ENDINGS]
    return next((name for name in candidates if os.path.exists(folder / name)), candidates[0])  # noqa: PTH110


def names_if_readable(folder: Path) -> frozenset[str]:
    """Return the names in a folder, if it is readable."""
    try:
        return frozenset(names_in(folder))
    except OSError:
        return frozenset()


def why_missing(written: str, path: Path) -> str:
    """Return a phrase on a missing recording, or "".

    Args:
        written: the name in the manifest.
        path: the file that it stands for.
    """
    if written.strip().endswith("|") or written.lstrip().startswith("|"):
        return "it is a command, which is never run; write its output to a file and name that"
    if found := _PLACEHOLDER.match(written):
        name = next(filter(None, found.groups()))
        return f"{found[0]} is a placeholder; replace it by the folder that {name} stands for, with sed or an editor"
    if is_address(written):
        return "nothing is fetched; download it and name the file"
    if _IN_ARCHIVE.search(written):
        return "it is a place in an archive of Kaldi, which is not opened; write its recordings to files and name those"
    if _WINDOWS.match(written) and os.name != "nt":
        return "it is a path of Windows; name the file relative to the manifest"
    near = _nearest(path)
    return f"{near[1]}: {near[0]}" if near else ""


def _nearest(path: Path) -> tuple[Path, str] | None:
    """Return the nearest file and the difference."""
    there = Path(path.anchor)
    differences: list[str] = []
    parts = [part for written in path.parts[1:] for part in written.split("\\") if part]
    if len(parts) > len(path.parts) - 1:
        differences.append("slashes")
    for depth, part in enumerate(parts, start=1):
        if os.path.lexists(there / part):
            there /= part
            continue
        is_file = depth == len(parts)
        name, difference = _in_folder(there, part, is_file)
        if not name:
            return None
        there /= name
        differences.append(difference)
    different = " and ".join(dict.fromkeys(differences))
    return (there, f"the file there differs in {different}") if there.is_file() and different else None


def _in_folder(folder: Path, name: str, is_file: bool) -> tuple[str, str]:
    """Return the nearest name in a folder, and the difference."""
    for difference, form in _FORMS.items():
        if difference == "its ending" and not is_file:
            continue
        found = _names(str(folder), difference).get(form(name))
        if found is not None:
            return found, difference
    return "", ""


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _letters(name: str) -> str:
    return _composed(name).casefold()


def _closed_up(name: str) -> str:
    return "".join(_letters(name).split())


def _stem(name: str) -> str:
    return _letters(PurePath(name).stem)


# From the smallest difference to the largest, each with the form that does not have it.
_FORMS: Mapping[str, Callable[[str], str]] = {
    "its Unicode form": _composed,
    "letter case": _letters,
    "blanks": _closed_up,
    "its ending": _stem,
}


@lru_cache(maxsize=256)
def _names(folder: str, difference: str) -> Mapping[str, str]:
    """Return the names in a folder by their form."""
    names = sorted(names_if_readable(Path(folder)), reverse=True)
    if difference == "its ending":
        names = [name for name in names if PurePath(name).suffix.lower() in (*ENDINGS, ".opus", ".sph", ".m4a")]
    return {_FORMS[difference](name): name for name in names}
