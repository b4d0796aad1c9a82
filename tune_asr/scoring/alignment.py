"""Edits from reference to hypothesis, by word or character.

The alignment is that of `count_errors`, so the numbers agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, cast

from rapidfuzz.distance import Levenshtein

Kind = Literal["equal", "replace", "delete", "insert"]
Unit = Literal["word", "character"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One column of an alignment; "" stands for a gap."""

    kind: Kind
    reference: str
    hypothesis: str


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[Edit]:
    """Align with the fewest errors, from left to right."""
    for block in Levenshtein.opcodes(reference, hypothesis):
        ours, theirs = reference[block.src_start : block.src_end], hypothesis[block.dest_start : block.dest_end]
        for pair in zip_longest(ours, theirs, fillvalue=""):
            yield Edit(cast(Kind, block.tag), *pair)


def units(text: str, unit: Unit) -> Sequence[str]:
    """Split a text into words or characters.

    White space at either end is dropped.
    """
    return text.split() if unit == "word" else text.strip()


def errors(pairs: Iterable[tuple[str, str]], unit: Unit) -> Counter[Edit]:
    """Count each error in pairs of reference and hypothesis."""
    edits = (edit for one, other in pairs for edit in align(units(one, unit), units(other, unit)))
    return Counter(edit for edit in edits if edit.kind != "equal")


def frequent(found: Counter[Edit], kind: Kind, most: int) -> list[tuple[Edit, int]]:
    """Return the most frequent errors of a kind, with counts.

    Ties are sorted by the text, so the order is always the same.
    """
    of_kind = [(edit, count) for edit, count in found.items() if edit.kind == kind]
    return sorted(of_kind, key=lambda entry: (-entry[1], entry[0].reference, entry[0].hypothesis))[:most]
