"""Comparison of an exported model with its record."""

from dataclasses import replace

import pytest
import torch

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError
from tune_asr.export import build
from tune_asr.export.agreement import Decoded, Disagreement
from tune_asr.export.checks import check_record
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import score
from tune_asr.record.events import WordCounts
from tune_asr.record.figures import Figures
from tune_asr.scoring.intervals import rate_interval
from tune_asr.scoring.scores import Scores
from tune_asr.scoring.transcript import Transcript
from tune_asr.training.data import load_data

TRANSCRIPTS = [Decoded("one", "a b c d", "a b c x", 0.5), Decoded("two", "a b", "a b", 0.5)]
FOUND = replace(score(TRANSCRIPTS, "val_wer"), low=0.1, high=0.3)


def recorded(is_exact, *, val_wer=1 / 6, val_cer=0.1, **counts):
    figures = Figures(epoch=1, scores=Scores(val_wer, val_cer, None, None), counts=WordCounts(**counts))
    known = {"config": Config(), "weights": {}, "fingerprint": None, "initial_sha256": None}
    return Recorded(name="it", figures=figures, is_exact=is_exact, **known)


@pytest.mark.parametrize("is_exact", [True, False])
def test_same_counts_confirm_record(is_exact):
    same = recorded(is_exact, words=6, substitutions=1, deletions=0, insertions=0)
    assert check_record(same, FOUND, TRANSCRIPTS) == "The record: the same error counts, WER 16.67%."


@pytest.mark.skipif(torch.cuda.is_available(), reason="features can be computed on the GPU here")
def test_features_of_gpu_need_none():
    """A recogniser that was trained on a GPU is exported on any machine."""
    config = from_values({"data": {"num_train": 4, "num_val": 2}, "features": {"device": "gpu"}}, "tiny")
    with pytest.raises(ConfigError, match="torch sees no GPU"):
        load_data(config)
    on_cpu = load_data(config.model_copy(update={"features": Config().features}))
    data = build._load_data(replace(recorded(False), config=config, fingerprint=on_cpu.fingerprint))
    assert data.val_fingerprint == on_cpu.val_fingerprint


def test_exact_training_allows_no_difference():
    with pytest.raises(Disagreement, match="deletions is 1 on record and 0 now"):
        check_record(recorded(True, deletions=1), FOUND, TRANSCRIPTS)


def test_other_device_may_differ_within_interval():
    sentence = check_record(recorded(False, val_wer=0.2), FOUND, TRANSCRIPTS)
    assert "WER 20.00%, measured on another device" in sentence
    assert "16.67% in float32" in sentence


def test_other_device_may_not_be_worse():
    with pytest.raises(Disagreement, match=r"val_wer is 0\.05 on record.*\n    Export it with the versions"):
        check_record(recorded(False, val_wer=0.05), FOUND, TRANSCRIPTS)


def test_other_device_may_be_better():
    """The interval of a perfect result is a point."""
    transcripts = [Decoded("one", "a b", "a b", 0.5)] * 200
    perfect = score(transcripts, "val_wer")
    assert (perfect.low, perfect.high) == (0.0, 0.0)
    sentence = check_record(recorded(False, val_wer=1 / 400), perfect, transcripts)
    assert "WER 0.25%, measured on another device or in another number format; 0.00% in float32" in sentence


@pytest.mark.parametrize(
    ("tied", "counts", "is_explained"),
    [
        ((0,), {"val_wer": 0, "val_cer": 0, "substitutions": 0}, True),
        ((0,), {"val_wer": 2 / 6, "val_cer": 2 / 10, "substitutions": 2}, True),
        ((1,), {"val_wer": 2 / 6, "val_cer": 2 / 10, "deletions": 1}, True),
        ((0, 1), {"val_wer": 0, "val_cer": 0}, True),
        ((), {"val_wer": 0, "val_cer": 0}, False),
        ((), {"substitutions": 0, "deletions": 1}, False),
        ((1,), {"val_wer": 0, "val_cer": 0}, False),  # the error is in the other utterance, and certain
        ((1,), {"val_wer": 6 / 6, "val_cer": 6 / 10}, False),  # more errors than two words can have
        ((1,), {"val_wer": 1 / 6, "val_cer": 10 / 10}, False),
        ((0, 1), {"words": 7}, False),
    ],
)
def test_other_cpu_may_differ_in_ties(tied, counts, is_explained):
    today = [replace(u, margin=1e-5) if number in tied else u for number, u in enumerate(TRANSCRIPTS)]
    there = recorded(True, **{"words": 6, "substitutions": 1, "deletions": 0, "insertions": 0} | counts)
    if is_explained:
        sentence = check_record(there, FOUND, today)
        assert f"measured on another CPU; 16.67% on this one. Ties explain the difference: {len(tied)} of 2" in sentence
    else:
        with pytest.raises(Disagreement, match="on record"):
            check_record(there, FOUND, today)


def test_score_of_characters():
    found = score([Transcript("one", "漢字仮名", "漢字仮名"), Transcript("two", "交じり文", "交じり")], "val_cer")
    assert (found.name, found.rate) == ("CER", 1 / 8)
    assert (found.low, found.high) == rate_interval([0, 1], [4, 4])
