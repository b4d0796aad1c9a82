"""Alignments as text for people, worst utterances first.

id  2 errors in 4 words
ref  the  quick *** fox
hyp  a    quick big fox
     S          I
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.cells import cell_len

from tune_asr.scoring.alignment import (
    Edit,
    Kind,
    Unit,
    align,
    errors,
    frequent,
    units,
)
from tune_asr.scoring.transcript import Transcript
from tune_asr.wording import count, printable

_WIDTH = 110
_SHOWN = 30
_HEADS = ("ref  ", "hyp  ", "     ")
_MARKS: dict[Kind, str] = {"equal": "", "replace": "S", "delete": "D", "insert": "I"}
_KINDS: dict[Kind, str] = {"replace": "substituted", "delete": "deleted", "insert": "inserted"}


def alignment_text(title: str, utterances: Sequence[Transcript], unit: Unit) -> str:
    """Return frequent errors, then the alignment of each utterance.

    Args:
        title: name of the recogniser, for the first line.
        utterances: transcripts in any order.
        unit: unit of the alignments. Frequent errors are listed by word and by character.
    """
    pairs = [(utterance.reference, utterance.hypothesis) for utterance in utterances]
    lines = [
        f"{title}: {len(utterances):,} utterances, worst first",
        "S substituted, D deleted, I inserted; asterisks stand for nothing, ▁ for a space",
    ]
    for counted in ("word", "character") if unit == "word" else ("character",):
        lines += ["", *_most_frequent(errors(pairs, counted), counted)]
    aligned = [(utterance, _aligned(utterance, unit)) for utterance in utterances]
    for utterance, edits in sorted(aligned, key=lambda entry: _badness(*entry)):
        lines += ["", *_utterance(utterance, edits, unit)]
    return "\n".join(lines) + "\n"


def edit_text(edit: Edit) -> str:
    """Return `the -> a`, or the only side."""
    sides = [printable(side.replace(" ", "▁")) for side in (edit.reference, edit.hypothesis) if side]
    return " -> ".join(sides)


def _aligned(utterance: Transcript, unit: Unit) -> list[Edit]:
    return list(align(units(utterance.reference, unit), units(utterance.hypothesis, unit)))


def _badness(utterance: Transcript, edits: Sequence[Edit]) -> tuple[int, int, str]:
    """Sort key: most errors first, then the shorter reference."""
    return -_num_errors(edits), _length(edits), utterance.id


def _num_errors(edits: Sequence[Edit]) -> int:
    return sum(edit.kind != "equal" for edit in edits)


def _length(edits: Sequence[Edit]) -> int:
    return sum(edit.kind != "insert" for edit in edits)


def _most_frequent(found: Counter[Edit], unit: Unit) -> Iterator[str]:
    for kind, name in _KINDS.items():
        total = sum(number for edit, number in found.items() if edit.kind == kind)
        # A no-break space keeps an error and its count on one line.
        entries = (f"{edit_text(edit)} {number}".replace(" ", "\xa0") for edit, number in frequent(found, kind, _SHOWN))
        lines = wrap(", ".join(entries), _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
        yield f"{unit}s {name}: {total:,}"
        yield from (line.replace("\xa0", " ") for line in lines)


def _utterance(utterance: Transcript, edits: Sequence[Edit], unit: Unit) -> Iterator[str]:
    wrong, length = _num_errors(edits), _length(edits)
    yield f"{printable(utterance.id)}  {count(wrong, 'error')} in {count(length, unit)}"
    gap = " " if unit == "word" else ""
    for row in _rows([_column(edit) for edit in edits], len(gap)):
        lines = (head + gap.join(cells) for head, cells in zip(_HEADS, zip(*row, strict=True), strict=True))
        yield from (line.rstrip() for line in lines if line.strip())


def _column(edit: Edit) -> tuple[str, str, str]:
    """Return the cells of an edit, equally wide."""
    reference, hypothesis = (printable(side.replace(" ", "▁")) for side in (edit.reference, edit.hypothesis))
    width = max(cell_len(reference), cell_len(hypothesis))
    cells = (reference or "*" * width, hypothesis or "*" * width, _MARKS[edit.kind])
    first, second, third = (cell + " " * (width - cell_len(cell)) for cell in cells)
    return first, second, third


def _rows(columns: Sequence[tuple[str, str, str]], gap: int) -> Iterator[Sequence[tuple[str, str, str]]]:
    """Split the columns into rows of the width."""
    row: list[tuple[str, str, str]] = []
    used = 0
    for column in columns:
        width = cell_len(column[0]) + gap
        if row and used + width > _WIDTH:
            yield row
            row, used = [], 0
        row.append(column)
        used += width
    if row:
        yield row
