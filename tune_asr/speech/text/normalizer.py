"""Normaliser of transcripts.

WER and CER are counted on its references. It uses Unicode categories instead of lists of letters, so it works for any
script. It never rewrites words: numbers are not spelled out and nothing is transliterated.
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
    """Function from transcript to reference.

    `Call-Forward on No Answer.` becomes `call forward on no answer`. Letters and their marks (accents, vowel signs,
    points) stay; private and unassigned characters are removed. White space of every kind becomes one space. An
    apostrophe between two letters stays, as `'`; elsewhere it is punctuation. Invisible format characters are removed,
    except a joiner between two letters. A second normalisation changes nothing.
    """

    case: Literal["lower", "upper", "keep"] = "lower"
    punctuation: Literal["remove", "keep"] = "remove"
    """`remove` replaces punctuation and symbols by a space."""
    digits: Literal["keep", "remove"] = "keep"
    """`remove` replaces numbers of every script by a space."""
    unicode_form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFKC"
    """Normalisation form of the result (Unicode Standard Annex 15)."""
    rules: Literal[1, 2] = 2
    """Version of the rules; 1: those of release 0.1.0."""

    def __call__(self, text: str) -> str:
        """Return the normalised words of `text`, separated by single spaces."""
        text = self._with_case(unicodedata.normalize(self.unicode_form, text))
        text = _without_format_characters(unicodedata.normalize(self.unicode_form, text))
        text = " ".join(self._without_unwanted(text).split())
        # A removed character may have separated a letter from an accent, which now compose to one character.
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
        """Replace all unwanted characters by spaces."""
        wanted = "L" + ("N" if self.digits == "keep" else "") + ("PS" if self.punctuation == "keep" else "")
        kept = [" "]
        for character, following in pairwise(f"{text} "):
            if character in _APOSTROPHES and _is_of_a_letter(kept[-1]) and _category(following) == "L":
                character = "'"
            elif (category := _category(character)) == "M" or character in _JOINERS:
                # Neither stands alone: it is kept or removed with its letter.
                character = character if kept[-1] != " " else " "
            elif category not in wanted:
                character = " "
            kept.append(character)
        return "".join(kept)


def _category(character: str) -> str:
    """Return the first letter of the general category.

    Every apostrophe is P, also the one in the category of letters.
    """
    return "P" if character in _APOSTROPHES else unicodedata.category(character)[0]


def _is_of_a_letter(character: str) -> bool:
    return _category(character) in "LM"


def _without_format_characters(text: str) -> str:
    """Drop layout characters, but keep joiners between letters.

    Layout characters are e.g. the byte order mark, the soft hyphen and directions.
    """
    if text.isascii():
        return text
    kept = [" "]
    for character, following in pairwise(f"{text} "):
        joins = character in _JOINERS and _is_of_a_letter(kept[-1]) and _is_of_a_letter(following)
        if joins or unicodedata.category(character) != "Cf":
            kept.append(character)
    return "".join(kept)
