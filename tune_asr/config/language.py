"""Language tags of BCP 47 (RFC 5646), checked by their form."""

from __future__ import annotations

import re

_TAG = re.compile(
    r"""(?P<language>[a-z]{2,3})(-[a-z]{3}){0,3}  # a code of ISO 639, its extensions
    (-[a-z]{4})?                                  # script, such as Latn
    (-([a-z]{2}|\d{3}))?                          # region, such as TR
    (-([a-z\d]{5,8}|\d[a-z\d]{3}))*               # variants
    (-[a-wy-z\d](-[a-z\d]{2,8})+)*(-x(-[a-z\d]{1,8})+)?""",
    re.VERBOSE | re.IGNORECASE,
)
_SHORTER = {"tur": "tr", "aze": "az"}
"""Languages with a case of their own, whose tag is their shorter code."""


def check_language(tag: str | None) -> str | None:
    """Return a tag that is well formed.

    Raises:
        ValueError: it is not.
    """
    if tag is None:
        return None
    match = _TAG.fullmatch(tag)
    if match is None:
        dashed = tag.replace("_", "-")
        hint = f": {dashed}" if dashed != tag and _TAG.fullmatch(dashed) else " such as tr, az-Latn or pt-BR"
        raise ValueError(f"must be a language tag of BCP 47{hint}")
    if shorter := _SHORTER.get(match["language"].lower()):
        raise ValueError(f"must be a language tag of BCP 47: {shorter}{tag[3:]}")
    return tag
