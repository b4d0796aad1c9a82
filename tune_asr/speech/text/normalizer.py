"""The text normaliser: decides what a reference is, and so what WER and CER count.

It goes by Unicode categories, not by lists of letters, so that it is good for any script.
It never rewrites words: numbers are not spelled out and nothing is transliterated.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

_APOSTROPHES = frozenset("'\u2019\u02bc")
_JOINERS = frozenset("\u200c\u200d")  # ZWNJ and ZWJ: part of the spelling in Persian, Hindi, Bengali and others


@dataclass(frozen=True, slots=True, kw_only=True)
class TextNormalizer:
    """Turns a transcript into its reference: `Call-Forward on No Answer.` into `call forward on no answer`.

    Letters, and the marks on them (accents, vowel signs, points), stay; private and unassigned characters do not.
    White space of every kind becomes one space. An apostrophe between two letters stays, written `'`; elsewhere it
    is punctuation. Invisible format characters go, except a joiner between two letters.
    Normalising a second time changes nothing.

    Attributes:
        case: `lower`, `upper` or `keep`.
        punctuation: `remove` makes a space of punctuation and symbols, `keep` leaves them.
        digits: `keep` leaves numbers of every script, `remove` makes a space of them.
        unicode_form: the normalisation form (Unicode Standard Annex 15) of the result.
    """

    case: Literal["lower", "upper", "keep"] = "lower"
    punctuation: Literal["remove", "keep"] = "remove"
    digits: Literal["keep", "remove"] = "keep"
    unicode_form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFKC"

    def __call__(self, text: str) -> str:
        """Return the words of `text`, normalised and separated by single spaces: "" where there are none."""
        text = self._with_case(unicodedata.normalize(self.unicode_form, text))
        text = _without_format_characters(unicodedata.normalize(self.unicode_form, text))
        text = " ".join(self._without_unwanted(text).split())
        # A letter and an accent that something stood between are neighbours now, and may have a form as one.
        return unicodedata.normalize(self.unicode_form, text)

    def _with_case(self, text: str) -> str:
        match self.case:
            case "lower":
                return text.lower()
            case "upper":
                return text.upper()
            case "keep":
                return text

    def _without_unwanted(self, text: str) -> str:
        """Put a space in the place of every character that the settings do not keep."""
        wanted = "L" + ("N" if self.digits == "keep" else "") + ("PS" if self.punctuation == "keep" else "")
        kept = [" "]
        for character, following in pairwise(f"{text} "):
            if character in _APOSTROPHES and _is_of_a_letter(kept[-1]) and _category(following) == "L":
                character = "'"
            elif (category := _category(character)) == "M" or character in _JOINERS:
                # Neither stands alone: it goes with what it belongs to.
                character = character if kept[-1] != " " else " "
            elif category not in wanted:
                character = " "
            kept.append(character)
        return "".join(kept)


def _category(character: str) -> str:
    """Return the first letter of the general category, and P for the apostrophe too that Unicode calls a letter."""
    return "P" if character in _APOSTROPHES else unicodedata.category(character)[0]


def _is_of_a_letter(character: str) -> bool:
    return _category(character) in "LM"


def _without_format_characters(text: str) -> str:
    """Drop the characters that only steer layout (byte order mark, soft hyphen, directions), but joiners that spell."""
    if text.isascii():
        return text
    kept = [" "]
    for character, following in pairwise(f"{text} "):
        joins = character in _JOINERS and _is_of_a_letter(kept[-1]) and _is_of_a_letter(following)
        if joins or unicodedata.category(character) != "Cf":
            kept.append(character)
    return "".join(kept)
