"""Alignments as a text for people: the most frequent errors, then each utterance, worst first.

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
from tune_asr.wording import printable

_WIDTH = 110
_SHOWN = 30
_HEADS = ("ref  ", "hyp  ", "     ")
_MARKS: dict[Kind, str] = {"equal": "", "replace": "S", "delete": "D", "insert": "I"}
_KINDS: dict[Kind, str] = {"replace": "substituted", "delete": "left out", "insert": "put in"}


def alignment_text(title: str, utterances: Sequence[Transcript], unit: Unit) -> str:
    """The whole text.

    Args:
        title: what the utterances were heard by; the first line.
        utterances: in any order.
        unit: what each utterance is aligned by; the frequent errors are told of words and of characters.
    """
    pairs = [(utterance.reference, utterance.hypothesis) for utterance in utterances]
    lines = [
        f"{title}: {len(utterances):,} utterances, worst first",
        "S substituted, D left out, I put in; asterisks stand for nothing, ▁ for a space",
    ]
    for counted in ("word", "character") if unit == "word" else ("character",):
        lines += ["", *_most_frequent(errors(pairs, counted), counted)]
    aligned = [(utterance, _aligned(utterance, unit)) for utterance in utterances]
    for utterance, edits in sorted(aligned, key=lambda entry: _badness(*entry)):
        lines += ["", *_utterance(utterance, edits, unit)]
    return "\n".join(lines) + "\n"


def told(edit: Edit) -> str:
    """An error in short: `the -> a`, or the one word or character that is missing or too many."""
    sides = [printable(side.replace(" ", "▁")) for side in (edit.reference, edit.hypothesis) if side]
    return " -> ".join(sides)


def _aligned(utterance: Transcript, unit: Unit) -> list[Edit]:
    return list(align(units(utterance.reference, unit), units(utterance.hypothesis, unit)))


def _badness(utterance: Transcript, edits: Sequence[Edit]) -> tuple[int, int, str]:
    """Most errors first; of as many, the shorter reference."""
    return -_num_errors(edits), _num_said(edits), utterance.id


def _num_errors(edits: Sequence[Edit]) -> int:
    return sum(edit.kind != "equal" for edit in edits)


def _num_said(edits: Sequence[Edit]) -> int:
    return sum(edit.kind != "insert" for edit in edits)


def _most_frequent(found: Counter[Edit], unit: Unit) -> Iterator[str]:
    for kind, name in _KINDS.items():
        total = sum(count for edit, count in found.items() if edit.kind == kind)
        # A no-break space keeps what belongs together on one line.
        entries = (f"{told(edit)} {count}".replace(" ", "\xa0") for edit, count in frequent(found, kind, _SHOWN))
        lines = wrap(", ".join(entries), _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
        yield f"{unit}s {name}: {total:,}"
        yield from (line.replace("\xa0", " ") for line in lines)


def _utterance(utterance: Transcript, edits: Sequence[Edit], unit: Unit) -> Iterator[str]:
    wrong, said = _num_errors(edits), _num_said(edits)
    yield f"{printable(utterance.id)}  {wrong} error{'s' * (wrong != 1)} in {said} {unit}{'s' * (said != 1)}"
    gap = " " if unit == "word" else ""
    for row in _rows([_column(edit) for edit in edits], len(gap)):
        lines = (head + gap.join(cells) for head, cells in zip(_HEADS, zip(*row, strict=True), strict=True))
        yield from (line.rstrip() for line in lines if line.strip())


def _column(edit: Edit) -> tuple[str, str, str]:
    """The cells of an edit one below the other, equally wide."""
    said, heard = (printable(side.replace(" ", "▁")) for side in (edit.reference, edit.hypothesis))
    width = max(cell_len(said), cell_len(heard))
    cells = (said or "*" * width, heard or "*" * width, _MARKS[edit.kind])
    first, second, third = (cell + " " * (width - cell_len(cell)) for cell in cells)
    return first, second, third


def _rows(columns: Sequence[tuple[str, str, str]], gap: int) -> Iterator[Sequence[tuple[str, str, str]]]:
    """The columns in portions that fit the width."""
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
