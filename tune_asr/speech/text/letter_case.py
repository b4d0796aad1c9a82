"""Letter case, with the dotted and dotless i of Turkish and Azeri."""

from __future__ import annotations

from tune_asr.speech.text.kinds import Case

_DOTTED = {"tr", "az"}
"""Languages with i and ı: the conditional mappings of Unicode's SpecialCasing.txt."""
_LOWER = str.maketrans({"İ": "i", "I": "ı"})
_UPPER = str.maketrans({"i": "İ", "ı": "I"})


def has_dotless_i(language: str | None) -> bool:
    """Return whether a language writes both i and ı."""
    return language is not None and language.lower().split("-")[0] in _DOTTED


def in_case(text: str, case: Case, language: str | None) -> str:
    """Return `text` in a letter case.

    Args:
        text: text in any Unicode form.
        case: letter case; keep: as it is.
        language: BCP 47 tag, or None for the mapping of most languages.
    """
    dotted = has_dotless_i(language)
    match case:
        case "lower":
            return (text.replace("I\u0307", "İ").translate(_LOWER) if dotted else text).lower()
        case "upper":
            return (text.translate(_UPPER) if dotted else text).upper()
        case "keep":
            return text
