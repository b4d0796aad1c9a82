import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.training.augment.spec_augment import MAX_TIME_MASKS, SpecAugment

LENGTHS = torch.tensor([60, 35, 10, 1])
NUM_BINS = 12


def batch():
    features = torch.randn(len(LENGTHS), 60, NUM_BINS, generator=torch.Generator().manual_seed(0))
    return features * valid(features)


def valid(features):
    return (torch.arange(features.shape[1]) < LENGTHS[:, None])[:, :, None]


def masked(augment, seed):
    """(N, T, C) bool: what was masked."""
    torch.manual_seed(seed)
    return augment(batch(), LENGTHS) != batch()


@settings(deadline=None)
@given(st.integers(0, 3), st.integers(0, 20), st.integers(0, 3), st.integers(0, 40), st.floats(0, 1), st.integers())
def test_masked_values_are_bin_means(m_f, f, m_t, t, p, seed):
    """Others are kept, and padding stays zero."""
    features = batch()
    torch.manual_seed(seed % 2**63)
    augmented = SpecAugment(m_f, f, m_t, t, p)(features, LENGTHS)
    mean = features.sum(1, keepdim=True) / LENGTHS[:, None, None]
    assert ((augmented == features) | (valid(features) & (augmented == mean))).all()


@pytest.mark.parametrize("seed", range(20))
def test_time_masks_fit_own_share(seed):
    mask = masked(SpecAugment(0, 0, 1, 25, p=0.5), seed)
    frames = mask.all(2)
    assert torch.equal(frames, mask.any(2))
    assert (frames.sum(1) <= torch.minimum(torch.tensor(25), LENGTHS // 2)).all()
    assert is_contiguous(frames)


@pytest.mark.parametrize("seed", range(20))
def test_frequency_masks_span_whole_utterance(seed):
    """They are no wider than allowed."""
    mask = masked(SpecAugment(1, 5, 0, 0, p=1.0), seed)[:3]  # one frame is its own mean
    bins = mask.any(1)
    assert torch.equal(mask, bins[:, None, :] & valid(batch())[:3])
    assert (bins.sum(1) <= 5).all()
    assert is_contiguous(bins)


def is_contiguous(mask):
    """Whether each row's true entries stand together."""
    return bool(((mask[:, 1:] & ~mask[:, :-1]).sum(1) + mask[:, 0] <= 1).all())


def test_widths_are_uniform():
    """Every place is reached."""
    augment = SpecAugment(1, 3, 1, 4, p=1.0)
    torch.manual_seed(0)
    features = torch.randn(2000, 9, 7)
    mask = augment(features, torch.full((2000,), 9)) != features
    frames, bins = mask.all(2), mask.all(1)
    for widths, expected in ((frames.sum(1), 2000 / 5), (bins.sum(1), 2000 / 4)):
        assert (abs(widths.bincount() - expected) < 100).all()  # five standard deviations
    assert frames.any(0).all() and bins.any(0).all()


def test_masks_follow_global_seed():
    """They differ between utterances."""
    augment = SpecAugment(1, 6, 1, 20, p=0.5)
    assert torch.equal(masked(augment, 1), masked(augment, 1))
    assert not torch.equal(masked(augment, 1), masked(augment, 2))
    frames = augment(torch.ones(50, 60, NUM_BINS).cumsum(1), torch.full((50,), 60))
    assert len(frames.unique(dim=0)) > 40


def test_evaluation_masks_nothing():
    augment = SpecAugment(2, 6, 2, 20, p=0.5).eval()
    assert torch.equal(augment(batch(), LENGTHS), batch())


def test_longer_utterances_have_more_masks():
    augment = SpecAugment(0, 0, 0, 6, p=1.0, time_mask_rate=2.0)
    lengths = torch.tensor([49, 50, 450, 450, 6000])
    torch.manual_seed(0)
    mask = (augment(torch.ones(5, 6000, 2).cumsum(1), lengths) != torch.ones(5, 6000, 2).cumsum(1))[:, :, 0]
    edges = (mask[:, 1:] & ~mask[:, :-1]).sum(1) + mask[:, 0]
    # spans may be empty, overlap or touch, so there are at most so many
    assert edges[0] == 0 and edges[1] <= 1 and edges[2] <= 9 and edges[4] <= MAX_TIME_MASKS
    assert edges[2] >= 4 and edges[4] >= 10
