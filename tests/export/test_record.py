"""What is exported against what is on record of it."""

from dataclasses import replace

import pytest

from tune_asr.config.sections import Config
from tune_asr.export.agreement import Decoded, Disagreement
from tune_asr.export.checks import check_record
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import score

SAID = [Decoded("one", "a b c d", "a b c x", 0.5), Decoded("two", "a b", "a b", 0.5)]
FOUND = score([(u.reference, u.hypothesis) for u in SAID], lambda errors, words: (0.1, 0.3))


def recorded(is_exact, **report):
    report = {"epoch": 1, "val_wer": 1 / 6, "val_cer": 0.1, **report}
    known = {"config": Config(), "weights": {}, "fingerprint": None, "initial_sha256": None}
    return Recorded(name="it", report=report, is_exact=is_exact, **known)


@pytest.mark.parametrize("is_exact", [True, False])
def test_the_same_counts_are_said(is_exact):
    same = recorded(is_exact, words=6, substitutions=1, deletions=0, insertions=0)
    assert check_record(same, FOUND, SAID) == "The record: the same error counts, WER 16.67%."


def test_one_error_more_is_refused_where_the_training_was_exact():
    with pytest.raises(Disagreement, match="deletions is 1 on record and 0 now"):
        check_record(recorded(True, deletions=1), FOUND, SAID)


def test_a_gpu_or_another_number_format_may_differ_inside_the_interval_and_both_rates_are_told():
    said = check_record(recorded(False, val_wer=0.2), FOUND, SAID)
    assert "WER 20.00%, measured on another device" in said
    assert "16.67% in float32" in said


def test_it_may_not_be_worse_by_more():
    with pytest.raises(Disagreement, match=r"val_wer is 0\.05 on record.*export it with the versions"):
        check_record(recorded(False, val_wer=0.05), FOUND, SAID)


def test_it_may_be_better_though_a_result_without_errors_has_a_point_for_an_interval():
    perfect = score([("a b", "a b")] * 200, lambda errors, words: (0.0, 0.0))
    said = check_record(recorded(False, val_wer=1 / 400), perfect, [Decoded("one", "a b", "a b", 0.5)] * 200)
    assert "WER 0.25%, measured on another device or in another number format; 0.00% in float32" in said


@pytest.mark.parametrize(
    ("tied", "counts", "is_explained"),
    [
        ((0,), {"val_wer": 0, "val_cer": 0, "substitutions": 0}, True),
        ((0,), {"val_wer": 2 / 6, "val_cer": 2 / 10, "substitutions": 2}, True),
        ((1,), {"val_wer": 2 / 6, "val_cer": 2 / 10, "deletions": 1}, True),
        ((0, 1), {"val_wer": 0, "val_cer": 0}, True),
        ((), {"val_wer": 0, "val_cer": 0}, False),
        ((), {"substitutions": 0, "deletions": 1}, False),
        ((1,), {"val_wer": 0, "val_cer": 0}, False),  # the error is the other's, which is certain
        ((1,), {"val_wer": 6 / 6, "val_cer": 6 / 10}, False),  # more than two words can have
        ((1,), {"val_wer": 1 / 6, "val_cer": 10 / 10}, False),
        ((0, 1), {"words": 7}, False),
    ],
)
def test_another_cpu_may_differ_in_utterances_with_a_tie_and_no_further(tied, counts, is_explained):
    said = [replace(u, margin=1e-5) if number in tied else u for number, u in enumerate(SAID)]
    there = recorded(True, **{"val_cer": 0.1, "words": 6, "substitutions": 1, "deletions": 0, "insertions": 0} | counts)
    if is_explained:
        told = check_record(there, FOUND, said)
        assert f"measured on another CPU; 16.67% on this one. Ties explain the difference: {len(tied)} of 2" in told
    else:
        with pytest.raises(Disagreement, match="on record"):
            check_record(there, FOUND, said)


def test_where_words_mean_nothing_cer_takes_the_place_of_wer():
    found = score(
        [("漢字仮名", "漢字仮名"), ("交じり文", "交じり")], lambda errors, characters: (min(errors), max(characters))
    )
    assert (found.metric, found.rate, found.low, found.high) == ("CER", 1 / 8, 0, 4)
