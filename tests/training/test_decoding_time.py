"""Real-time factor of the first validation."""

from __future__ import annotations

import torch

from tune_asr.speech.audio.frames import FRAMES_PER_SECOND
from tune_asr.training.batching import Example, collate
from tune_asr.training.decoding_time import DecodingTime
from tune_asr.training.fit import fit

CPU = torch.device("cpu")


def batch(*seconds: int):
    frames = [second * FRAMES_PER_SECOND for second in seconds]
    return collate([Example(torch.zeros(n, 4), torch.tensor([1]), "a", str(n)) for n in frames])


def test_factor_is_compute_over_speech():
    """Time between steps does not count, nor does padding."""
    clock = iter([10.0, 10.5, 70.0, 71.0])
    measured = DecodingTime(lambda: next(clock))
    for each in (batch(1, 3), batch(2)):
        measured.begin(CPU)
        measured.end(CPU, each)
    assert measured.rtf() == 1.5 / 6


def test_custom_batches_have_no_factor():
    measured = DecodingTime()
    measured.begin(CPU)
    measured.end(CPU, {"features": None})
    assert measured.rtf() is None


def test_validation_without_a_batch_has_no_factor():
    assert DecodingTime().rtf() is None


def test_only_the_first_epoch_has_one(quick, tmp_path):
    results = []
    fit(quick(trainer__max_epochs=2), lambda result, _last, _save: results.append(result))
    first, second = results
    assert first.rtf > 0
    assert second.rtf is None
