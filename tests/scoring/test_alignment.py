"""Alignments agree with the error counts, and with jiwer."""

from __future__ import annotations

import re
from collections import Counter

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.scoring.alignment import Edit, align, errors, frequent, units
from tune_asr.scoring.alignment_text import alignment_text
from tune_asr.scoring.counts import ErrorCounts, count_errors
from tune_asr.scoring.transcript import Transcript

TEXTS = st.text("abc ", max_size=20)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)


@given(TEXTS, TEXTS, st.sampled_from(["word", "character"]))
def test_alignment_spells_both_sides(reference, hypothesis, unit):
    edits = list(align(units(reference, unit), units(hypothesis, unit)))
    assert [edit.reference for edit in edits if edit.reference] == list(units(reference, unit))
    assert [edit.hypothesis for edit in edits if edit.hypothesis] == list(units(hypothesis, unit))
    for edit in edits:
        assert (edit.kind == "equal") == (edit.reference == edit.hypothesis)
        assert (edit.kind == "insert", edit.kind == "delete") == (not edit.reference, not edit.hypothesis)


@given(PAIRS)
def test_errors_sum_to_counts(pairs):
    counts = sum((count_errors(*pair) for pair in pairs), ErrorCounts())
    words = errors(pairs, "word")
    by_kind = {
        kind: sum(n for edit, n in words.items() if edit.kind == kind) for kind in ("replace", "delete", "insert")
    }
    assert list(by_kind.values()) == [counts.substitutions, counts.deletions, counts.insertions]
    assert errors(pairs, "character").total() == counts.character_errors


@given(PAIRS)
def test_errors_equal_jiwers(pairs):
    output = jiwer.process_words(*(list(side) for side in zip(*pairs, strict=True)))
    kinds = {"substitute": "replace", "delete": "delete", "insert": "insert"}
    theirs = Counter()
    for chunks, said, heard in zip(output.alignments, output.references, output.hypotheses, strict=True):
        for chunk in (chunk for chunk in chunks if chunk.type != "equal"):
            lost = said[chunk.ref_start_idx : chunk.ref_end_idx]
            found = heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
            for i in range(max(len(lost), len(found))):
                theirs[Edit(kinds[chunk.type], "".join(lost[i : i + 1]), "".join(found[i : i + 1]))] += 1
    assert errors(pairs, "word") == theirs


@given(PAIRS)
def test_frequent_errors_ignore_utterance_order(pairs):
    there, back = (frequent(errors(given, "word"), "replace", 3) for given in (pairs, pairs[::-1]))
    assert there == back
    assert [count for _, count in there] == sorted((count for _, count in there), reverse=True)


def test_text_begins_with_worst_utterance():
    """Each error is marked under its word."""
    text = alignment_text(
        "x.ckpt", [Transcript("well", "on it", "on it"), Transcript("ill", "the fox ran", "a big fox")], "word"
    )
    assert text.index("ill  3 errors in 3 words") < text.index("well  0 errors in 2 words")
    lines = text.splitlines()
    start = lines.index("ill  3 errors in 3 words")
    assert lines[start + 1 : start + 4] == ["ref  * the fox ran", "hyp  a big fox ***", "     I S       D"]


def test_long_utterance_wraps_completely():
    said, heard = " ".join(f"word{i}" for i in range(200)), " ".join(f"word{i}" for i in range(0, 400, 2))
    lines = alignment_text("x", [Transcript("long", said, heard)], "word").splitlines()
    assert max(map(len, lines)) <= 120
    for head, text in (("ref", said), ("hyp", heard)):
        shown = " ".join(line.removeprefix(head) for line in lines if line.startswith(head)).split()
        assert [word for word in shown if set(word) != {"*"}] == text.split()


@pytest.mark.parametrize("unit", ["word", "character"])
def test_text_escapes_controls_and_spaces(unit):
    text = alignment_text("x", [Transcript("\x1b[2J", "a\x1bb c", "ab c d")], unit)
    assert "\x1b" not in text
    assert "▁" in text.split("nothing, ▁ for a space")[1]


def test_errors_stay_beside_their_counts():
    said = [f"word{i} " * (1 + i % 3) for i in range(30)]
    text = alignment_text(
        "x", [Transcript(str(i), words, "z " * words.count(" ")) for i, words in enumerate(said)], "word"
    )
    block = text[text.index("words substituted") : text.index("words deleted")].splitlines()[1:]
    entries = [entry for line in block for entry in line.strip().rstrip(",").split(", ")]
    assert len(block) > 1 and len(entries) == 30
    assert all(re.fullmatch(r"word\d+ -> z \d", entry) for entry in entries)
