from __future__ import annotations

import pytest

from tune_asr.scoring.metric import choose, custom_metric, metric_for, metric_name, score_name


@pytest.mark.parametrize("rules", [1, 2])
@pytest.mark.parametrize(
    ("references", "metric"),
    [(["x" * 98, "  "], "val_wer"), (["x" * 99, " "], "val_cer"), (["你好世界"], "val_cer"), ([], "val_wer")],
)
def test_wer_from_two_percent_spaces(references, metric, rules):
    assert metric_for(references, rules) == metric


@pytest.mark.parametrize(
    "reference",
    [
        "今天 天气 很 好",
        "我 说 你好 ok",
        "これ は ペン です",
        "コーヒー を 飲む",
        "ｶﾀｶﾅ ﾃｽﾄ",
        "น้ำ ทำ งาน ใน บ้าน",
        "ນ້ຳ ເຮັດ ວຽກ",
        "ខ្ញុំ ស្រឡាញ់ ភាសា ខ្មែរ",
        "မြန်မာ စာ က လှတယ်",
        "བོད་ཡིག ཡིན",
        "𠀀𠀁 𠀂",
    ],
)
def test_scripts_without_word_spaces_are_scored_by_cer(reference):
    """Punctuation and segmentation put spaces into them, of which rules 1 made words."""
    assert metric_for([reference]) == "val_cer"
    assert metric_for([reference], 1) == "val_wer"
    assert "script separates no words" in choose([reference]).reason


@pytest.mark.parametrize(
    "reference",
    [
        "나는 한국어를 말한다",
        "привет мир",
        "नमस्ते दुनिया",
        "السلام عليكم",
        "xin chào các bạn",
        "ab 你好 cd",
        "ab 你好",
        "12 34",
    ],
)
def test_other_scripts_are_scored_by_wer(reference):
    """Exactly half of the letters is not over half."""
    assert metric_for([reference]) == "val_wer"


@pytest.mark.parametrize("rules", [1, 2])
@pytest.mark.parametrize(("score", "metric"), [("wer", "val_wer"), ("cer", "val_cer")])
def test_given_score_wins(score, metric, rules):
    for references in (["你好世界"], ["a b c"], []):
        choice = choose(references, rules, score)
        assert (choice.metric, choice.reason) == (metric, f"text.score is {score}")
    assert score_name(metric) == score


def test_custom_data_are_scored_by_wer_unless_asked():
    assert [custom_metric(score) for score in ("auto", "wer", "cer")] == ["val_wer", "val_wer", "val_cer"]


def test_metric_names():
    assert (metric_name("val_wer"), metric_name("val_cer")) == ("WER", "CER")
