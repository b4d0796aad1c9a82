"""References and hypotheses, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tune_asr.config.load import from_values
from tune_asr.record.search_yaml import read_description
from tune_asr.report.transcripts import aligned, aligned_characters, references
from tune_asr.scoring.counts import count_errors

WORDS = st.lists(st.sampled_from("abc"), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_word_alignment_matches_counts(reference, hypothesis):
    kinds = [kind for kind, _ in aligned(reference, hypothesis)]
    counts = count_errors(reference, hypothesis)
    assert kinds.count("replace") == counts.substitutions
    assert kinds.count("delete") == counts.deletions
    assert kinds.count("insert") == counts.insertions
    assert [word for kind, word in aligned(reference, hypothesis) if kind != "delete"] == hypothesis.split()


@given(WORDS, WORDS)
def test_character_alignment_matches_counts(reference, hypothesis):
    runs = aligned_characters(reference, hypothesis)
    errors = sum(len(run) for kind, run in runs if kind != "equal")
    assert errors == count_errors(reference, hypothesis).character_errors
    assert "".join(run for kind, run in runs if kind != "delete") == hypothesis


def test_synthetic_references_are_made_again():
    data = {"target": "synthetic", "num_train": 8, "num_val": 3, "num_words": 20, "alphabet": "abcd"}
    found = references(from_values({"data": data}, "config"))
    assert list(found) == ["val-00000", "val-00001", "val-00002"]
    assert all(text and set(text) <= set("abcd ") for text in found.values())


def test_references_are_never_invented(tmp_path, search):
    (tmp_path / "val.txt").write_text("secret")
    for data in ({"target": "manifest", "train": "t", "val": str(tmp_path / "val.txt")}, {"target": "a.B"}):
        assert references(from_values({"data": data}, "config")) == {}
    search.describe(config={"data": "x"})
    assert read_description(search.folder.search_yaml).plan is None, "and not the synthetic speech of the defaults"
