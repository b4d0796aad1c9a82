"""Unicode normalisation for references, under rules 2.

The compatible forms, NFKC and NFKD, are made for search, and go too far for speech in two places. They spell Thai and
Lao letters as two code points that no keyboard types, and they let `10²` run into 102. Here both are left out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from tune_asr.speech.text.kinds import UnicodeForm

_KEPT = re.compile("([\u0e33\u0eb3\u0edc\u0edd])")  # Thai and Lao SARA AM, Lao HO NO and HO MO: none of them composes
# NIKHAHIT and SARA AA look like SARA AM, which follows a tone mark.
_SARA_AM = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32|\u0ecd([\u0ec8-\u0ecb]?)\u0eb2")
_COMPATIBLE = ("NFKC", "NFKD")
_APART = ("number", "index")


def formed(text: str, form: UnicodeForm) -> str:
    """Return `text` in a Unicode form, Thai and Lao aside."""
    if text.isascii():
        return text
    parts = _KEPT.split(_SARA_AM.sub(_composed, text))
    parts[::2] = (unicodedata.normalize(form, part) for part in parts[::2])
    return "".join(parts)


def numbers_apart(text: str, form: UnicodeForm) -> str:
    """Put spaces around superscript digits, fractions and the like.

    A compatible form makes plain digits of them, which would run into their neighbours. A subscript stays in its word,
    as in H₂O, unless it follows a digit.
    """
    if text.isascii() or form not in _COMPATIBLE or not any(_kind(character) in _APART for character in text):
        return text
    parts, before = [], ""
    for character in text:
        kind = _kind(character)
        if (
            (kind != before and "number" in (kind, before))
            or (kind == "index" and before == "digit")
            or (kind == "digit" and before == "index")
        ):
            parts.append(" ")
        parts.append(character)
        before = kind
    return "".join(parts)


@cache
def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category == "No" or character in "⁺⁻":
        decomposition = unicodedata.decomposition(character)
        return "index" if decomposition.startswith("<sub>") else "number" if decomposition else "digit"
    return "digit" if category[0] == "N" else ""


def _composed(match: re.Match[str]) -> str:
    thai, lao = match.groups()
    return f"{thai}\u0e33" if thai is not None else f"{lao}\u0eb3"
