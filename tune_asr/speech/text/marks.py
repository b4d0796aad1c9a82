"""Marks inside words, in one form each, under rules 2.

    between letters           typed as                      becomes
    apostrophe                ' ’ ‘ ‛ ʼ ʻ ` ´ ′             '
      between Hebrew letters  the same, and ׳               ׳   (geresh)
      in Polynesian           the same                      ʻ   (a letter, also first in a word)
    gershayim                 " “ ” „ ″ ״, or two ' or ׳    ״   between Hebrew letters
    middle dot                · • ‧ ∙ ⋅, and ŀ              ·   in l·l (Catalan), n·h and s·h (Gascon)

Elsewhere they are punctuation, and end a word.
"""

from __future__ import annotations

import re
import unicodedata

APOSTROPHES = frozenset("'\u2018\u2019\u201b\u02bb\u02bc`\u2032\u05f3\uff07")
OKINA = "\u02bb"
_GERSHAYIM = frozenset('"\u201c\u201d\u201e\u05f4\uff02')
_DOTS = frozenset("\u00b7\u2022\u2027\u2219\u22c5")
MARKS = APOSTROPHES | _GERSHAYIM | _DOTS
_AROUND_DOTS = frozenset(("ll", "nh", "sh"))
_POLYNESIAN = frozenset(("haw", "sm", "to", "ty"))

# Unicode forms would make a space and an accent of the apostrophes.
_SPELLED = str.maketrans(
    dict.fromkeys("\u00b4\u0384\u1fbd\u1fbf\u1ffd", "'") | {"\u2033": '"', "\u0140": "l·", "\u013f": "L·"}
)
_HEBREW = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u05d0-\u05ea\u05ef-\u05f2"
_IS_HEBREW = re.compile(f"[{_HEBREW}]")
_TWO_GERESH = re.compile(f"(?<=[{_HEBREW}])(?:['\u2018\u2019\u05f3\u2032]{{2}})(?=[{_HEBREW}])")


def spelled(text: str) -> str:
    """Replace characters that a Unicode form would take apart."""
    return text.translate(_SPELLED) if not text.isascii() else text


def paired(text: str) -> str:
    """Make one gershayim of two geresh between Hebrew letters."""
    return _TWO_GERESH.sub("\u05f4", text)


def inner_mark(character: str, before: str, after: str, language: str | None) -> str:
    """Return a mark between letters in one form, or "".

    Args:
        character: any character.
        before: character before it, of a letter or its accents.
        after: character after it.
        language: BCP 47 tag, or None.
    """
    if character in APOSTROPHES and is_letter(after):
        if _both_hebrew(before, after):
            return "\u05f3"
        return OKINA if language and language.lower().split("-")[0] in _POLYNESIAN else "'"
    if character in _GERSHAYIM and _both_hebrew(before, after):
        return "\u05f4"
    return "·" if character in _DOTS and f"{before}{after}".lower() in _AROUND_DOTS else ""


def is_letter(character: str) -> bool:
    """Return whether a character is a letter and no apostrophe."""
    is_mark = character in APOSTROPHES and character != OKINA
    return not is_mark and unicodedata.category(character)[0] == "L"


def _both_hebrew(before: str, after: str) -> bool:
    return bool(_IS_HEBREW.match(before) and _IS_HEBREW.match(after))
