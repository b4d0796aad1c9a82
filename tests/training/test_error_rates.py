import jiwer
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.training.metrics import CER, WER

# jiwer strips and splits at white space of any kind; the text here is as the normaliser leaves it.
TEXT = st.lists(st.text("abé'漢", min_size=1, max_size=4), min_size=1, max_size=5).map(" ".join)
PAIRS = st.lists(st.tuples(TEXT, TEXT | st.just("")), min_size=1, max_size=6)


@settings(deadline=None)
@given(PAIRS)
def test_rates_equal_jiwer(pairs):
    references, hypotheses = map(list, zip(*pairs, strict=True))
    wer, cer = WER(), CER()
    wer.update(references, hypotheses)
    cer.update(references, hypotheses)
    assert wer.compute().item() == jiwer.wer(references, hypotheses)
    assert cer.compute().item() == jiwer.cer(references, hypotheses)


@settings(deadline=None)
@given(PAIRS, st.integers(1, 3))
def test_batches_and_processes_add_up(pairs, batch_size):
    whole = WER()
    whole.update(*zip(*pairs, strict=True))
    cut = WER()
    for start in range(0, len(pairs), batch_size):
        cut.update(*zip(*pairs[start : start + batch_size], strict=True))
    assert cut.counts == whole.counts

    states = []
    for half in (pairs[::2], pairs[1::2]):
        part = WER()
        part.update([reference for reference, _ in half], [hypothesis for _, hypothesis in half])
        states += part.metric_state.values()
    # what torchmetrics does with the states it has gathered from all processes
    (reduce,) = whole._reductions.values()
    assert torch.equal(reduce(torch.stack(states)), *whole.metric_state.values())


def test_reset_and_rates_above_one():
    metric = WER()
    metric.update(["a b"], ["c"])
    metric.reset()
    metric.update(["a"], ["b c d"])
    assert metric.compute() == 3.0


def test_unequal_lists_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        WER().update(["a", "b"], ["a"])


def test_half_precision_keeps_integers():
    assert all(state.dtype == torch.int64 for state in WER().half().metric_state.values())
