"""Batches and best paths against those of training."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.evaluate.decoding import batches
from tune_asr.evaluate.model import Batching
from tune_asr.inference.recogniser import greedy, padded
from tune_asr.training.batching import BucketBatchSampler
from tune_asr.training.ctc import greedy_decode

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(1, 900))
def test_batches_equal_validation(lengths, batch_size, max_frames):
    sampler = BucketBatchSampler(lengths, batch_size, max_frames=max_frames, shuffle=False)
    assert batches(lengths, Batching(batch_size, max_frames)) == sampler.batches(0)


def test_long_recordings_make_small_batches():
    assert batches([390_000, 10, 300_000, 20], Batching(64, None)) == [[1, 3], [2], [0]]


@pytest.mark.parametrize("blank_id", [0, 3])
def test_best_paths_equal_training(blank_id):
    random = np.random.default_rng(blank_id)
    log_probs = random.standard_normal((7, 50, 4)).astype(np.float32)
    lengths = random.integers(0, 51, 7)
    expected = greedy_decode(torch.from_numpy(log_probs), torch.from_numpy(lengths), blank_id)
    assert greedy(log_probs, lengths, blank_id) == expected


def test_padding_is_zero():
    batch = padded([np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)])
    assert batch.shape == (2, 4, 3)
    assert batch[0, 2:].sum() == 0 and batch.sum() == 18
