from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tune_asr.speech.text.vocabulary import Vocabulary


def test_symbols_are_blank_and_sorted_characters():
    vocabulary = Vocabulary.from_texts(["b a", "ca"])
    assert vocabulary.symbols == ("<blk>", " ", "a", "b", "c")
    assert (len(vocabulary), vocabulary.blank_id) == (5, 0)


@given(st.lists(st.text(), min_size=1))
def test_decoding_inverts_encoding(texts):
    vocabulary = Vocabulary.from_texts(texts)
    for text in texts:
        assert vocabulary.decode(vocabulary.encode(text)) == text
        assert vocabulary.blank_id not in vocabulary.encode(text)


@given(st.text("abc"), st.text("abcxyz<blk>"))
def test_unknown_characters_are_counted(known, text):
    vocabulary = Vocabulary.from_texts([known])
    unknown = vocabulary.unknown_characters([text, text])
    assert vocabulary.decode(vocabulary.encode(text)) == "".join(c for c in text if c in known)
    assert unknown == {c: 2 * text.count(c) for c in text if c not in known}
    assert list(unknown.values()) == sorted(unknown.values(), reverse=True)
