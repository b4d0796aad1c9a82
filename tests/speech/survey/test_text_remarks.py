"""Remarks of the data report on transcripts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from tune_asr.config.load import from_values
from tune_asr.corpus.sources import survey
from tune_asr.errors import DataError

NOISE = np.random.default_rng(1).normal(0, 0.1, 9000)


@pytest.fixture
def surveyed(tmp_path):
    """Survey texts of training and of validation under a section `text`."""

    def make(train, val=("one two",), **text):
        for split, texts in (("train", train), ("val", val)):
            rows = []
            for number, words in enumerate(texts):
                soundfile.write(
                    tmp_path / f"{split}{number}.wav", np.random.default_rng(number).normal(0, 0.1, 9000), 8000
                )
                rows.append(json.dumps({"audio_filepath": f"{split}{number}.wav", "text": words}))
            (tmp_path / f"{split}.jsonl").write_text("\n".join(rows))
        data = {"target": "manifest", **{split: str(tmp_path / f"{split}.jsonl") for split in ("train", "val")}}
        return survey(from_values({"data": data, "text": text}, "test"))

    return make


def remarks(found) -> str:
    return "\n".join(found.remarks)


TAGGED = ("<unk> the red [noise] door", "wait [noise] here", "(laughter) we saw birds")


def test_tags_are_counted(surveyed):
    found = surveyed(TAGGED, ("[noise] one",))
    assert "5 tags in the texts ([noise] 3, <unk> 1, (laughter) 1): they are learnt as words; text.tags: remove" in (
        remarks(found)
    )
    assert found.corpus.train[0].text == "unk the red noise door"


def test_removed_tags_are_counted_too(surveyed):
    found = surveyed(TAGGED, tags="remove")
    assert "they are removed, as text.tags asks; any single word in parentheses is taken for one" in remarks(found)
    assert [utterance.text for utterance in found.corpus.train] == ["the red door", "wait here", "we saw birds"]


def test_text_of_tags_alone_is_a_bad_row(surveyed):
    with pytest.raises(DataError, match=r"text\.tags: remove leaves nothing of it"):
        surveyed(("one", "[noise] <unk>"), tags="remove").check()


@pytest.mark.parametrize(
    ("text", "is_warned"),
    [({}, True), ({"case": "upper"}, True), ({"case": "keep"}, False), ({"language": "tr"}, False)],
)
def test_dotless_i_needs_a_language(surveyed, text, is_warned):
    found = surveyed(("İstanbul güzel", "Işık çok parlak", "Iğdır uzakta", "one"), **text)
    assert ("3 texts with İ or ı ('İstanbul güzel')" in remarks(found)) == is_warned
    assert ("text.language: tr, or az" in remarks(found)) == is_warned


def test_other_texts_have_no_remark(surveyed):
    assert not remarks(surveyed(("In the hall (at two)", "3 < 4 > 2 [1]")))


@pytest.mark.parametrize("punctuation", ["keep", "remove"])
def test_signs_of_word_pieces_are_told(surveyed, punctuation):
    """Export would refuse a vocabulary with both of them."""
    found = surveyed(("▁the ▁red", "one"), punctuation=punctuation)
    assert "1 text with ▁ (U+2581), the first at " in remarks(found)
    assert found.corpus.train[0].text == "the red"
    assert "▁" not in found.corpus.vocabulary.symbols


def test_rules_1_have_their_texts(surveyed):
    found = surveyed(("o‘zbek ▁a İ", "m²"), rules=1, punctuation="keep")
    assert [utterance.text for utterance in found.corpus.train] == ["o‘zbek ▁a i̇", "m2"]
    assert not remarks(found)


THAI = ("น้ำทำงานในบ้าน", "แม่ทำข้าวให้ลูก")


@pytest.mark.parametrize("text", [{}, {"unit": "bpe", "vocab_size": 20}], ids=["characters", "pieces"])
def test_vocabulary_has_the_code_points_of_thai(surveyed, text):
    vocabulary = surveyed(THAI, THAI, **text).corpus.vocabulary
    assert {"\u0e33"} <= set("".join(vocabulary.symbols)) and "\u0e4d" not in "".join(vocabulary.symbols)
    assert [vocabulary.decode(vocabulary.encode(words)).strip() for words in THAI] == list(THAI)


def test_report_gives_the_reason_for_cer(surveyed):
    segmented = ("今天 天气 很 好", "我们 去 公园 吧")
    assert "its script separates no words, so CER takes the place of WER" in " ".join(
        surveyed(segmented, segmented).render().split()
    )
    assert "text.score is wer, so WER ranks" in surveyed(segmented, segmented, score="wer").render()
    assert surveyed(segmented, segmented, rules=1).choice.metric == "val_wer"
