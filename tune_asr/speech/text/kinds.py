"""Values of the normaliser's settings."""

from __future__ import annotations

from typing import Literal, TypeAlias

Case: TypeAlias = Literal["lower", "upper", "keep"]
Punctuation: TypeAlias = Literal["remove", "keep"]
Digits: TypeAlias = Literal["keep", "remove"]
Tags: TypeAlias = Literal["keep", "remove"]
UnicodeForm: TypeAlias = Literal["NFC", "NFD", "NFKC", "NFKD"]
