"""The vocabulary: the symbols that a recogniser writes, and how many CTC frames a transcript needs.

A symbol is one Unicode character of the training references; `pieces` makes symbols of several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

BLANK = "<blk>"


@dataclass(frozen=True)
class Vocabulary:
    """The symbols in the order of their ids; the blank is the first.

    Attributes:
        symbols: `<blk>`, then single characters, the space among them.
    """

    symbols: tuple[str, ...]

    blank_id: ClassVar[int] = 0
    units: ClassVar[str] = "characters"

    def __post_init__(self) -> None:
        assert self.symbols[0] == BLANK and BLANK not in self.symbols[1:]

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Vocabulary:
        """Build the vocabulary of `texts`, which must be the training references alone."""
        return cls((BLANK, *sorted(set().union(*texts))))

    def encode(self, text: str) -> list[int]:
        """Return the ids of the characters of `text`, never the blank's.

        A character that is not in the vocabulary is left out. It can never be recognised, and it is still counted as
        an error, because WER and CER compare with the reference's text and not with these ids.
        """
        return [self._ids[character] for character in text if character in self._ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`, from which blanks and repeats have been taken out already."""
        return "".join(self.symbols[i] for i in ids)

    def unknown_characters(self, texts: Iterable[str]) -> dict[str, int]:
        """Count the characters of `texts` that are not in the vocabulary, the most frequent first."""
        counts = Counter(character for text in texts for character in text if character not in self._ids)
        return dict(counts.most_common())

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols) if i != self.blank_id}


def spelled(symbols: Sequence[str], ids: Iterable[int]) -> str:
    """Return the hypothesis that `ids` are, from which blanks and repeats have been taken out already.

    A space before the first word, which a word piece brings with it, is none of the text.
    """
    return "".join(symbols[i] for i in ids).strip()


def min_frames(tokens: Sequence[int]) -> int:
    """Return the fewest output frames that CTC can align with `tokens`.

    One a token, and a blank between two equal neighbours (Graves et al., *Connectionist Temporal Classification*,
    2006: the map B merges repeats before it takes out blanks).
    """
    return len(tokens) + sum(first == second for first, second in pairwise(tokens))
