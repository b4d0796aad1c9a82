"""Bad rows that fail for the same reason, as one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tune_asr.errors import Problem
from tune_asr.storage.files import MISSING
from tune_asr.wording import count

_FOLDER = "Relative paths start at the folder of the manifest; LJSpeech's recordings are wavs/ID.wav there."
# What rows of one reason do not share: paths of recordings, texts, and words with digits or slashes.
_OWN = re.compile(r"/.*?\.(?:wav|flac|ogg|opus|mp3|m4a)\b|'(?:[^'\\]|\\.)*'|^\S+: |\S*[\d/\\]\S*", re.IGNORECASE)
_OWN_REPEATED = re.compile(r"…[\s…]*")


def merge(problems: Sequence[Problem]) -> list[tuple[Problem, int]]:
    """Merge the bad rows of each file and reason.

    Returns:
        The first of each, with the lines of the others in its sentence, and the number of rows that it stands for.
    """
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((_file_and_line(problem)[0], reason_of(problem.what)), []).append(problem)
    return [(_as_one(group), len(group)) for group in groups.values()]


def reason_of(what: str) -> str:
    """Return a sentence without the values of its row."""
    return _OWN_REPEATED.sub("… ", _OWN.sub("…", what))


def _as_one(alike: Sequence[Problem]) -> Problem:
    first = alike[0]
    if len(alike) == 1:
        return first
    lines = f"{_file_and_line(alike[1])[1]} to {_file_and_line(alike[-1])[1]}" if len(alike) > 2 else ""
    lines = f"lines {lines}" if lines else f"line {_file_and_line(alike[1])[1]}"
    verb = "fail" if len(alike) > 2 else "fails"
    what = f"{first.what}; {count(len(alike) - 1, 'more row')} of the file {verb} alike, {lines}"
    return replace(first, what=what, hint=first.hint or (_FOLDER if first.what.endswith(MISSING) else ""))


def _file_and_line(problem: Problem) -> tuple[str, str]:
    file, _, line = problem.place.rpartition(":")
    return file, line
