"""What became of each word, or character, of a reference: edits, and which of them are frequent.

The alignment is the one that the counts of errors come from (`scoring.count_errors`), so their numbers agree.
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
    """One column of an alignment; the side that has nothing there is the empty string."""

    kind: Kind
    reference: str
    hypothesis: str


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[Edit]:
    """Align with the fewest errors, from left to right."""
    for block in Levenshtein.opcodes(reference, hypothesis):
        said, heard = reference[block.src_start : block.src_end], hypothesis[block.dest_start : block.dest_end]
        for pair in zip_longest(said, heard, fillvalue=""):
            yield Edit(cast(Kind, block.tag), *pair)


def units(text: str, unit: Unit) -> Sequence[str]:
    """The words or the characters of a text as WER and CER count them: white space at either end is none."""
    return text.split() if unit == "word" else text.strip()


def errors(pairs: Iterable[tuple[str, str]], unit: Unit) -> Counter[Edit]:
    """How often each error is made in pairs of a reference and a hypothesis."""
    edits = (edit for said, heard in pairs for edit in align(units(said, unit), units(heard, unit)))
    return Counter(edit for edit in edits if edit.kind != "equal")


def frequent(found: Counter[Edit], kind: Kind, most: int) -> list[tuple[Edit, int]]:
    """The most frequent errors of a kind with their numbers, the order of equal ones being no matter of chance."""
    of_kind = [(edit, count) for edit, count in found.items() if edit.kind == kind]
    return sorted(of_kind, key=lambda entry: (-entry[1], entry[0].reference, entry[0].hypothesis))[:most]
