"""Finest difference of a validation set: the formula, and its words."""

import pytest

from tune_asr.scoring.ruler import Ruler


def test_points_of_independent_words():
    # Two proportions of independent words: 1.96 * sqrt(2 p (1 - p) / n).
    ruler = Ruler("val_wer", 485, 97)
    assert ruler.points(0.5) == pytest.approx(100 * 1.96 * (2 * 0.25 / 485) ** 0.5)
    assert str(ruler) == (
        "485 words in 97 utterances: settings closer than 6.3 points of WER cannot be told apart near 50 %, "
        "5.0 near 20 %, 2.7 near 5 %"
    )


def test_units_follow_the_metric():
    assert Ruler.of(["one two", "three"], "val_wer") == Ruler("val_wer", 3, 2)
    assert Ruler.of(["你好", "世"], "val_cer") == Ruler("val_cer", 3, 2)
    assert str(Ruler("val_cer", 1, 1)).startswith("1 character in 1 utterance: settings closer than")
    assert "points of CER" in str(Ruler("val_cer", 300, 3))


def test_coarse_below_500_units():
    assert Ruler("val_wer", 499, 50).is_coarse and not Ruler("val_wer", 500, 50).is_coarse


def test_points_of_nothing():
    assert Ruler.of([], "val_wer").points(0.5) > 100
