"""Quotation marks of tables, closed in their line or not."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from tune_asr.speech.manifest.quoting import Dialect, read_rows

COMMAS = Dialect(",", is_quoted=True)
CELL = st.text(st.sampled_from('ab ",;|'), max_size=6)


def read(lines):
    mistakes = []
    rows = list(read_rows(iter(enumerate(lines, start=2)), COMMAS, 2, "a.csv", mistakes))
    return rows, [(line, what) for (_, line), what in mistakes]


def test_open_mark_takes_no_other_row():
    lines = [f"{n}.wav,text {n}" for n in range(6)]
    lines[2] = '2.wav,"text 2'
    rows, mistakes = read(lines)
    assert [number for number, _ in rows] == [2, 3, 5, 6, 7]
    assert mistakes == [
        (4, "a quotation mark opens here and is never closed, so 3 more lines would become part of one cell")
    ]


def test_open_mark_in_last_line():
    rows, mistakes = read(["0.wav,a", '1.wav,"b'])
    assert mistakes == [(3, "a quotation mark opens here and is never closed")]
    assert len(rows) == 1


def test_mark_closed_in_another_row():
    lines = ["0.wav,a", '1.wav,"b', "2.wav,c", "3.wav,d", '4.wav,e"', "5.wav,f"]
    rows, mistakes = read(lines)
    assert [number for number, _ in rows] == [2, 4, 5, 7]
    assert mistakes == [
        (
            3,
            "a quotation mark opens here and is closed in line 6, so 3 more rows would become part of one cell; "
            "close it in its line",
        ),
        (6, "a quotation mark in the middle of a cell closes that of line 3"),
    ]


def test_good_row_after_open_mark_is_kept():
    rows, mistakes = read(['0.wav,"a', '1.wav,"b, c"', '2.wav,"d ""e"""'])
    assert [cells for _, cells in rows] == [["1.wav", "b, c"], ["2.wav", 'd "e"']]
    assert [line for line, _ in mistakes] == [2]


def test_cell_of_several_lines_is_one_mistake():
    rows, mistakes = read(['0.wav,"a', "b", 'c"', "1.wav,d"])
    assert rows == [(5, ["1.wav", "d"])]
    assert mistakes == [(2, "a cell reaches from here to line 4; a row must be one line")]


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=6), st.integers(0, 5))
def test_written_rows_are_read_around_an_open_mark(rows, place):
    """As the csv module writes them, whatever quotation marks they hold."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    lines = file.getvalue().split("\n")[:-1]
    assert read(lines) == (list(enumerate(rows, start=2)), [])
    place = min(place, len(lines))
    found, mistakes = read([*lines[:place], 'x,"y', *lines[place:]])
    assert [cells for _, cells in found] == rows
    assert [line for line, _ in mistakes] == [place + 2]
