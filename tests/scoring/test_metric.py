from __future__ import annotations

import pytest

from tune_asr.scoring.metric import metric_for, metric_name


@pytest.mark.parametrize(
    ("references", "metric"),
    [(["x" * 98, "  "], "val_wer"), (["x" * 99, " "], "val_cer"), (["你好世界"], "val_cer"), ([], "val_wer")],
)
def test_wer_from_two_percent_spaces(references, metric):
    assert metric_for(references) == metric


def test_metric_names():
    assert (metric_name("val_wer"), metric_name("val_cer")) == ("WER", "CER")
