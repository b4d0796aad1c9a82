"""Normaliser of transcripts.

WER and CER are counted on its references. It uses Unicode categories instead of lists of letters, so it works for any
script. It never rewrites words: numbers are not spelled out and nothing is transliterated.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

from tune_asr.speech.text.forms import formed, numbers_apart
from tune_asr.speech.text.kinds import Case, Digits, Punctuation, Tags, UnicodeForm
from tune_asr.speech.text.letter_case import in_case
from tune_asr.speech.text.marks import APOSTROPHES, MARKS, inner_mark, is_letter, paired, spelled
from tune_asr.speech.text.tags import without_tags
from tune_asr.wording import JOINERS

WORD_BOUNDARY = "\u2581"
"""Sign for a space in the pieces of sentencepiece and in tokens.txt of a bundle."""
_FIRST_APOSTROPHES = frozenset("'\u2019\u02bc")
_UNJOINED = ("LATIN", "GREEK", "CYRILLIC", "COMBINING")  # first words of their letters' and accents' names
_TATWEEL = "\u0640"  # Arabic stroke that lengthens a letter


@dataclass(frozen=True, slots=True, kw_only=True)
class TextNormalizer:
    """Function from transcript to reference.

    `Call-Forward on No Answer.` becomes `call forward on no answer`. Letters and their marks (accents, vowel signs,
    points) stay; private and unassigned characters are removed. White space of every kind becomes one space. An
    apostrophe between two letters stays, as `'`, and so do the other marks of `marks`; elsewhere they are punctuation.
    Invisible format characters are removed, except a joiner between two letters. A second normalisation changes
    nothing.
    """

    case: Case = "lower"
    punctuation: Punctuation = "remove"
    """`remove` replaces punctuation and symbols by a space."""
    digits: Digits = "keep"
    """`remove` replaces numbers of every script by a space."""
    unicode_form: UnicodeForm = "NFKC"
    """Normalisation form of the result (Unicode Standard Annex 15), but for a few letters; see `forms`."""
    rules: Literal[1, 2] = 2
    """Version of the rules; 1: those of release 0.1.0."""
    language: str | None = None
    """BCP 47 tag; it decides on the case of I in Turkish and Azeri, and on the apostrophe in Polynesian languages."""
    tags: Tags = "keep"
    """`remove` replaces tags such as `[noise]` by a space."""

    def __call__(self, text: str) -> str:
        """Return the normalised words of `text`, separated by single spaces."""
        if self.tags == "remove":
            text = without_tags(text)
        words = self._words(text)
        if self.tags == "remove" and (rest := without_tags(words)) != words:  # normalisation can make a tag
            return self(rest)
        return words

    def _words(self, text: str) -> str:
        if self.rules == 2:
            text = numbers_apart(spelled(text).replace(WORD_BOUNDARY, " "), self.unicode_form)
        text = in_case(self._formed(text), self.case, self.language)
        text = _without_format_characters(self._formed(text), self.rules)
        if self.rules == 2:
            text = paired(text)
        words = self._without_unwanted(text).split()
        text = " ".join(words if self.rules == 1 else (word for word in words if word.strip(_TATWEEL)))
        # A removed character may have separated a letter from an accent, which now compose to one character.
        return self._formed(text)

    def _formed(self, text: str) -> str:
        return unicodedata.normalize(self.unicode_form, text) if self.rules == 1 else formed(text, self.unicode_form)

    def _without_unwanted(self, text: str) -> str:
        """Replace all unwanted characters by spaces."""
        wanted = "L" + ("N" if self.digits == "keep" else "") + ("PS" if self.punctuation == "keep" else "")
        category, marks = (_first_category, _FIRST_APOSTROPHES) if self.rules == 1 else (_category, MARKS)
        kept = [" "]
        for character, following in pairwise(f"{text} "):
            if character in marks and (mark := self._mark(character, kept[-1], following)):
                kept.append(mark)
                continue
            kind = category(character)
            if kind == "M" or character in JOINERS:
                # Neither stands alone: it is kept or removed with its letter.
                character = character if kept[-1] != " " else " "
            elif kind not in wanted:
                character = " "
            kept.append(character)
        return "".join(kept)

    def _mark(self, character: str, before: str, after: str) -> str:
        """Return a mark inside words in one form, or ""."""
        if self.rules == 2:
            letters = _category(before) in "LM"
            return inner_mark(character, before, after, self.language) if letters else ""
        return "'" if _first_category(before) in "LM" and _first_category(after) == "L" else ""


@cache
def _first_category(character: str) -> str:
    """Return the first letter of the general category.

    Every apostrophe is P, also the one in the category of letters.
    """
    return "P" if character in _FIRST_APOSTROPHES else unicodedata.category(character)[0]


@cache
def _category(character: str) -> str:
    """Return the same under rules 2, which know more apostrophes."""
    is_mark = character in APOSTROPHES and not is_letter(character)
    return "P" if is_mark else unicodedata.category(character)[0]


def _without_format_characters(text: str, rules: int) -> str:
    """Drop layout characters, but keep joiners between letters.

    Layout characters are e.g. the byte order mark, the soft hyphen and directions. By rules 2, joiners stay in scripts
    that have them.
    """
    is_of_a_letter = _is_of_a_letter if rules == 1 else _is_joined
    if text.isascii():
        return text
    kept = [" "]
    for character, following in pairwise(f"{text} "):
        joins = character in JOINERS and is_of_a_letter(kept[-1]) and is_of_a_letter(following)
        if joins or unicodedata.category(character) != "Cf":
            kept.append(character)
    return "".join(kept)


def _is_of_a_letter(character: str) -> bool:
    return _first_category(character) in "LM"


@cache
def _is_joined(character: str) -> bool:
    """Return True for letters and signs of scripts with joiners."""
    return _is_of_a_letter(character) and not unicodedata.name(character, "").startswith(_UNJOINED)
