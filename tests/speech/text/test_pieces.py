"""Word pieces equal sentencepiece's, without its model file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.errors import ConfigError, DataError
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey.pieces import with_pieces
from tune_asr.speech.survey.survey import Survey, survey_corpus
from tune_asr.speech.text.pieces import PieceVocabulary
from tune_asr.speech.text.vocabulary import Vocabulary, spelled

ENGLISH = ["press one to call", "press two to call again", "please hold", "call me again at two", "don't press 21"]
SCRIPTS = {
    "English": ENGLISH,
    "Chinese": ["今天天气很好", "明天天气不好", "今天很好"],
    "Hindi with joiners": ["क्\u200dष नमस्ते क्\u200dष", "नमस्ते दुनिया"],
    "Thai": ["สวัสดีครับ", "สวัสดีค่ะ"],
    "accents apart": ["cafe\u0301 ole\u0301", "cafe\u0301"],
    "beyond the first plane": ["𐌰𐌱𐌰 𐌰𐌱", "𐌱𐌰𐌱"],
    "marks that programs use": ["<unk> <s> a", "<blk> </s> <unk>", "<0x41> #0 \\n"],
    "one letter": ["a"],
}
WORDS = st.lists(st.text("abcd'é漢", min_size=1, max_size=8), min_size=1, max_size=6).map(" ".join)


def survey(train: list[str], val: list[str] = ENGLISH) -> Survey:
    splits = [
        tuple(Utterance(id=f"u{i}", text=text, seconds=9.0, audio=None) for i, text in enumerate(texts))
        for texts in (train, val)
    ]
    vocabulary = Vocabulary.from_texts(train)
    corpus = Corpus(
        train=splits[0], val=splits[1], vocabulary=vocabulary, fingerprint="", val_fingerprint="", machine_key=""
    )
    return survey_corpus(corpus, sample_rate=8000, subsampling=4)


def learned(texts: list[str], vocab_size: int = 65_536) -> PieceVocabulary:
    vocabulary = with_pieces(survey(texts), vocab_size).corpus.vocabulary
    assert isinstance(vocabulary, PieceVocabulary)
    return vocabulary


@pytest.mark.parametrize("texts", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("vocab_size", [1, 40, 65_536], ids=["fewest", "some", "most"])
def test_joined_pieces_are_the_text(texts, vocab_size):
    vocabulary = learned(texts, vocab_size)
    assert (vocabulary.symbols[0], len(set(vocabulary.symbols))) == ("<blk>", len(vocabulary))
    assert all(" " not in piece[1:] for piece in vocabulary.symbols)
    for text in texts:
        ids = vocabulary.encode(text)
        assert vocabulary.blank_id not in ids
        assert spelled(vocabulary.symbols, ids) == text


def test_more_symbols_make_fewer_tokens():
    """`vocab_size` counts every symbol."""
    sizes = (25, 30, 40)
    vocabularies = [learned(ENGLISH, size) for size in sizes]
    assert tuple(map(len, vocabularies)) == sizes
    tokens = [sum(len(vocabulary.encode(text)) for text in ENGLISH) for vocabulary in vocabularies]
    assert tokens == sorted(tokens, reverse=True) and tokens[-1] < sum(map(len, ENGLISH))


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, max_size=4), st.integers(0, 30))
def test_encoding_equals_sentencepieces(train, others, num_merges):
    """It needs the symbols alone."""
    model = io.BytesIO()
    characters = set(" ").union(*train)
    vocab_size = len(characters) + 3 + num_merges
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(train),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        minloglevel=2,
    )
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    vocabulary = learned(train, vocab_size - 2)  # they have <unk>, <s> and </s>, and we the blank
    vocabulary = PieceVocabulary(vocabulary.symbols)  # nothing but the symbols, as out of a checkpoint
    assert len(vocabulary) == len(theirs) - 2
    for text in (*train, *others):
        if set(text) <= characters:
            expected = [piece.replace("\u2581", " ") for piece in theirs.encode(text, out_type=str)]
            assert [vocabulary.symbols[i] for i in vocabulary.encode(text)] == expected


def test_pieces_equal_in_every_process():
    program = "from test_pieces import ENGLISH, learned; print(ascii(learned(ENGLISH, 40).symbols))"
    folder = str(Path(__file__).parent)
    learned_there = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join((folder, *sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert learned_there == {ascii(learned(ENGLISH, 40).symbols)}


def test_pieces_come_from_training():
    """The report lists unknown characters of validation."""
    found = with_pieces(survey(ENGLISH, ["press ß one ß"]), 40)
    assert found.corpus.vocabulary == learned(ENGLISH, 40)
    vocabulary = found.corpus.vocabulary
    assert vocabulary.encode("press ß one") == vocabulary.encode("press one")
    assert spelled(vocabulary.symbols, vocabulary.encode("oßne")) == "one"
    assert "\n    ß       U+00DF          2  u0" in found.render()
    found.check()


def test_reserved_marks_are_left_out():
    """Their sentences are learned from."""
    vocabulary = learned(["zebra\u2585 crossing", "a \u2581 b\u2581c"])
    assert {"\u2581", "\u2585"}.isdisjoint("".join(vocabulary.symbols))
    assert spelled(vocabulary.symbols, vocabulary.encode("zebra\u2585 \u2581 crossing")) == "zebra crossing"


@pytest.mark.parametrize(
    ("vocab_size", "error", "message"),
    [
        (20, ConfigError, r"is 20, but the training references make at least 21 symbols\n    Raise it: each of"),
        (5000, DataError, r"is 5,000, but the training references make at most 94 symbols\n    Lower it"),
    ],
)
def test_impossible_size_names_possible_one(vocab_size, error, message):
    found = with_pieces(survey(ENGLISH), vocab_size)
    with pytest.raises(error, match=f"text.vocab_size {message}"):
        found.check()
    possible = len(found.corpus.vocabulary)
    with_pieces(survey(ENGLISH), possible).check()
    assert found.render() == with_pieces(survey(ENGLISH), possible).render()


def test_empty_training_is_refused():
    with pytest.raises(DataError, match=r"^no utterance is left to train on"):
        with_pieces(survey([]), 40).check()


def test_feasibility_counts_pieces_and_repeats():
    # 5 output frames; every word is a piece here, and two equal ones need a blank between them.
    words, repeats = "ab cd ab cd ab", "ab ab ab"
    found = with_pieces(survey(["ab cd"] * 99, [words, repeats, f"{repeats} ab"]), 11)
    assert len(found.corpus.vocabulary.encode(words)) == 5
    twenty_frames = [
        Utterance(id=utterance.id, text=utterance.text, seconds=0.2, audio=None) for utterance in found.corpus.val
    ]
    assert found.infeasible(twenty_frames) == [2]


def test_report_shows_pieces():
    report = " ".join(with_pieces(survey(ENGLISH), 30).render().split())
    assert "vocabulary: 30 symbols of " in report and " characters on average in training: <blk> ␣" in report
    zwj = with_pieces(survey(SCRIPTS["Hindi with joiners"]), 65_536).render()
    assert "U+200D" in zwj and "◌" in zwj
