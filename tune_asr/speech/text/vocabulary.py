"""Symbols of a recogniser: here, single characters.

They are those of the training references; `pieces` has symbols of several characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

BLANK = "<blk>"


@dataclass(frozen=True)
class Vocabulary:
    """Symbols in the order of their ids, the blank first."""

    symbols: tuple[str, ...]
    """`<blk>`, then single characters, the space among them."""

    blank_id: ClassVar[int] = 0
    units: ClassVar[str] = "characters"

    def __post_init__(self) -> None:
        assert self.symbols[0] == BLANK and BLANK not in self.symbols[1:]

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Vocabulary:
        """Build the vocabulary of the training references."""
        return cls((BLANK, *sorted(set().union(*texts))))

    def encode(self, text: str) -> list[int]:
        """Return ids of the characters of `text`, never the blank.

        Unknown characters are left out. They still count as errors, since WER and CER compare with the text of the
        reference, not with these ids.
        """
        return [self._ids[character] for character in text if character in self._ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Join the symbols of `ids`, free of blanks and repeats."""
        return "".join(self.symbols[i] for i in ids)

    def unknown_characters(self, texts: Iterable[str]) -> dict[str, int]:
        """Count the unknown characters of `texts`, the most frequent first."""
        counts = Counter(character for text in texts for character in text if character not in self._ids)
        return dict(counts.most_common())

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols) if i != self.blank_id}


def spelled(symbols: Sequence[str], ids: Iterable[int]) -> str:
    """Join the symbols of ids, free of blanks and repeats.

    A word piece begins with a space; the one before the first word is dropped.
    """
    return "".join(symbols[i] for i in ids).strip()
