"""What is exported against what is on record of it."""

import pytest

from tune_asr.bundle.agreement import Disagreement
from tune_asr.bundle.checks import check_record
from tune_asr.bundle.recorded import Recorded
from tune_asr.bundle.scores import score
from tune_asr.config.sections import Config

FOUND = score([("a b c d", "a b c x"), ("a b", "a b")], lambda errors, words: (0.1, 0.3))


def recorded(is_exact, **report):
    report = {"epoch": 1, "val_wer": 1 / 6, "val_cer": 0.1, **report}
    known = {"config": Config(), "weights": {}, "fingerprint": None, "initial_sha256": None}
    return Recorded(name="it", report=report, is_exact=is_exact, **known)


@pytest.mark.parametrize("is_exact", [True, False])
def test_the_same_counts_are_said(is_exact):
    same = recorded(is_exact, words=6, substitutions=1, deletions=0, insertions=0)
    assert check_record(same, FOUND) == "The record: the same error counts, WER 16.67%."


def test_one_error_more_is_refused_where_the_training_was_exact():
    with pytest.raises(Disagreement, match="deletions is 1 on record and 0 now"):
        check_record(recorded(True, deletions=1), FOUND)


def test_a_gpu_or_another_number_format_may_differ_inside_the_interval_and_both_rates_are_told():
    said = check_record(recorded(False, val_wer=0.2), FOUND)
    assert "WER 20.00%, measured on another device" in said
    assert "16.67% in float32" in said


def test_it_may_not_differ_by_more():
    with pytest.raises(Disagreement, match=r"val_wer is 0\.4 on record"):
        check_record(recorded(False, val_wer=0.4), FOUND)


def test_where_words_mean_nothing_cer_takes_the_place_of_wer():
    found = score(
        [("漢字仮名", "漢字仮名"), ("交じり文", "交じり")], lambda errors, characters: (min(errors), max(characters))
    )
    assert (found.metric, found.rate, found.low, found.high) == ("CER", 1 / 8, 0, 4)
