"""Features by numpy against those of training, which are torchaudio's bit for bit."""

import numpy as np
import pytest

from tune_asr.inference.filter_bank import bank, fbank, window
from tune_asr.inference.resampling import resample
from tune_asr.speech.audio.frames import min_samples
from tune_asr.speech.audio.synthetic import synthesize_corpus
from tune_asr.training.features import fbank as of_training
from tune_asr.training.features.log_mel import log_mel
from tune_asr.training.features.log_mel import resample as resample_by_torchaudio


def noise(num_samples):
    return np.random.default_rng(num_samples).uniform(-1, 1, num_samples).astype(np.float32)


def largest_difference(ours, theirs):
    assert ours.dtype == np.float32 and ours.shape == tuple(theirs.shape)
    return float(np.abs(ours - theirs.numpy()).max())


def assert_rounded_alike(ours, theirs):
    """In nats; and in energy, against the loudest filter of each frame."""
    assert largest_difference(ours, theirs) < 5e-3
    energies, expected = np.exp(ours, dtype=np.float64), np.exp(theirs.numpy(), dtype=np.float64)
    assert (np.abs(energies - expected) / expected.max(1, keepdims=True)).max() < 1e-5


@pytest.mark.parametrize(("rate", "bins"), [(8000, 40), (11025, 40), (16000, 80), (22050, 64), (44100, 80)])
def test_features_equal_training(rate, bins):
    """The shortest recording, and those at the edges of a frame, are among them."""
    shortest = min_samples(rate)
    for num_samples in (shortest, shortest + 1, rate // 2 + 3, 11 * rate + 17):
        samples = noise(num_samples)
        theirs = log_mel(samples, rate, sample_rate=rate, num_mel_bins=bins)
        assert_rounded_alike(fbank(samples, rate, bins), theirs)


def test_quiet_features_equal_training():
    """Digital silence and speech."""
    corpus = synthesize_corpus(
        seed=0,
        num_train=2,
        num_val=2,
        alphabet="abc",
        num_words=4,
        words_per_utterance=(1, 2),
        noise=0.0,
        sample_rate=8000,
    )
    recordings = [utterance.audio.samples()[0] for utterance in (*corpus.train, *corpus.val)]
    for samples in (*recordings, np.zeros(4000, np.float32)):
        theirs = log_mel(samples, 8000, sample_rate=8000, num_mel_bins=40)
        assert_rounded_alike(fbank(samples, 8000, 40), theirs)


@pytest.mark.parametrize(("rate", "bins"), [(8000, 40), (16000, 80), (48000, 128)])
def test_filters_and_window_equal_torchaudio(rate, bins):
    size = min_samples(rate)
    assert largest_difference(bank(bins, rate, size), of_training.bank(bins, rate, size)) < 1e-4
    assert largest_difference(window(size), of_training.window(size)) < 1e-6


@pytest.mark.parametrize(
    ("rate", "new_rate"), [(8000, 16000), (16000, 8000), (44100, 16000), (48000, 8000), (11025, 8000), (22050, 16000)]
)
def test_resampling_equals_torchaudio(rate, new_rate):
    for num_samples in (1, rate // 100, rate + 7, 70_001):
        samples = noise(num_samples)
        theirs = resample_by_torchaudio(samples, rate, new_rate)
        assert largest_difference(resample(samples, rate, new_rate), theirs) < 1e-6
    assert resample(samples, rate, rate) is samples
