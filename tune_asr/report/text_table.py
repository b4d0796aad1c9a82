"""Tables in lines of text, for terminal and HTML alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

INDENT = "  "
"""Lines that begin with it keep their layout."""


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield indented lines, the first column to the left."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    for row in table:
        first, *cells = row
        line = [f"{first:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))]
        yield f"{INDENT}{'  '.join(line)}".rstrip()
