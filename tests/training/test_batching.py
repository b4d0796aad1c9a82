from dataclasses import fields
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.fabric.utilities.apply_func import move_data_to_device
from lightning.pytorch.plugins.precision import DoublePrecision

from tune_asr.training.batching import LENGTH_JITTER, BucketBatchSampler, Example, collate, padding_share

LENGTHS = st.lists(st.integers(1, 3000), min_size=1, max_size=60)


def examples():
    sizes = [(5, 2), (9, 4), (1, 1)]
    return [Example(torch.randn(t, 3), torch.arange(1, u + 1), text="ab", id=f"u{i}") for i, (t, u) in enumerate(sizes)]


def test_collate_pads_examples():
    batch = collate(examples(), blank_id=7)
    assert batch.features.shape == (3, 9, 3) and batch.tokens.shape == (3, 4)
    assert batch.feature_lengths.tolist() == [5, 9, 1] and batch.token_lengths.tolist() == [2, 4, 1]
    assert batch.ids == ["u0", "u1", "u2"] and len(batch) == 3
    for i, example in enumerate(examples()):
        t, u = batch.feature_lengths[i], batch.token_lengths[i]
        assert not batch.features[i, t:].any() and (batch.tokens[i, u:] == 7).all()
        assert torch.equal(batch.tokens[i, :u], example.tokens)


def test_lightning_moves_and_converts_batch():
    batch = collate(examples())
    moved = move_data_to_device(batch, torch.device("meta"))
    tensors = [name for name in (field.name for field in fields(batch)) if torch.is_tensor(getattr(batch, name))]
    assert len(tensors) == 4
    assert all(getattr(moved, name).device.type == "meta" for name in tensors)
    assert (moved.texts, moved.ids) == (batch.texts, batch.ids)
    converted = DoublePrecision().convert_input(batch)
    assert converted.features.dtype == torch.float64 and converted.tokens.dtype == torch.int64


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 9), st.integers(), st.integers(0, 50), st.booleans(), st.booleans())
def test_epoch_holds_every_utterance_once(lengths, batch_size, seed, epoch, shuffle, bucketing):
    """No batch is too large either."""
    sampler = BucketBatchSampler(
        lengths, batch_size, seed=seed, epoch=lambda: epoch, shuffle=shuffle, bucketing=bucketing
    )
    batches = list(sampler)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert len(sampler) == len(batches)
    assert batches == sampler.batches(epoch)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 9), st.integers(0, 50))
def test_bucket_holds_similar_lengths(lengths, batch_size, epoch):
    """Of any two batches, one lies below the other, but for the jitter."""
    batches = BucketBatchSampler(lengths, batch_size).batches(epoch)
    ranges = [(min(lengths[i] for i in batch), max(lengths[i] for i in batch)) for batch in batches]
    jitter = (1 + LENGTH_JITTER) / (1 - LENGTH_JITTER)
    for (low, high), (other_low, other_high) in combinations(ranges, 2):
        assert high <= other_low * jitter or other_high <= low * jitter


@pytest.mark.parametrize("bucketing", [True, False])
def test_order_depends_on_seed_and_epoch(bucketing):
    """And on nothing else."""
    lengths = [100 + i % 37 for i in range(200)]
    orders = [
        [tuple(batch) for batch in BucketBatchSampler(lengths, 8, seed=seed, bucketing=bucketing).batches(epoch)]
        for seed, epoch in [(1, 0), (1, 1), (2, 0), (1, 0)]
    ]
    assert orders[0] == orders[3]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    # not the same batches in another order, either
    assert set(orders[0]) != set(orders[1])


def test_validation_is_sorted_every_epoch():
    lengths = [30, 10, 20, 10, 40]
    sampler = BucketBatchSampler(lengths, 2, shuffle=False)
    assert list(sampler) == [[1, 3], [2, 0], [4]] == sampler.batches(7)


def test_longest_utterances_fill_short_batch():
    batches = BucketBatchSampler(list(range(100, 2100, 100)), 8).batches(0)
    (partial,) = (batch for batch in batches if len(batch) < 8)
    assert set(partial) == {16, 17, 18, 19}


def test_bucketing_saves_padding():
    lengths = torch.randint(50, 1000, (300,), generator=torch.Generator().manual_seed(0)).tolist()
    shares = [padding_share(lengths, BucketBatchSampler(lengths, 16, bucketing=b).batches(0)) for b in (True, False)]
    assert shares[0] < 0.08 < 0.35 < shares[1]
    assert padding_share([4, 2, 3], [[0, 1], [2]]) == pytest.approx(2 / 11)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 9), st.integers(1, 9000), st.integers(0, 50), st.booleans(), st.booleans())
def test_max_frames_bounds_padded_batch(lengths, size, most, epoch, shuffle, bucketing):
    sampler = BucketBatchSampler(lengths, size, max_frames=most, seed=3, shuffle=shuffle, bucketing=bucketing)
    batches = sampler.batches(epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= size for batch in batches)
    # An utterance that is longer by itself stands alone.
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= most for batch in batches)
    # Schedules are laid over this number.
    assert len(sampler) == len(batches)


def test_unreached_max_frames_changes_nothing():
    lengths = [100 + i % 37 for i in range(200)]
    bounded, unbounded = (BucketBatchSampler(lengths, 8, max_frames=most, seed=1) for most in (10**6, None))
    assert bounded.batches(5) == unbounded.batches(5)


def test_max_frames_leaves_short_batches_full():
    """Only batches of long utterances get smaller."""
    sizes = {len(batch) for batch in BucketBatchSampler([100] * 64 + [800] * 64, 32, max_frames=4000).batches(0)}
    assert sizes == {32, 5, 4}
