import sys

import numpy as np
import pytest
import torch
import torchaudio

from tune_asr.errors import TuneAsrError
from tune_asr.speech.audio.frames import min_samples, num_feature_frames, num_samples_at
from tune_asr.training.features.log_mel import log_mel


def noise(num_samples, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, num_samples).astype(np.float32)


@pytest.mark.parametrize("sample_rate", [8000, 16000])
def test_features_equal_torchaudio(sample_rate):
    samples = noise(sample_rate)
    expected = torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(samples)[None],
        num_mel_bins=40,
        sample_frequency=sample_rate,
        dither=0.0,
        snip_edges=False,
        low_freq=20,
        high_freq=-400,
    )
    features = log_mel(samples, sample_rate, sample_rate=sample_rate, num_mel_bins=40)
    assert features.dtype == torch.float32
    assert torch.equal(features, expected)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 22050])
def test_frame_count_equals_prediction(sample_rate):
    shortest = min_samples(sample_rate)
    for num_samples in (shortest, shortest + 1, 3999, 4000, 4040, 4041, 7919):
        features = log_mel(noise(num_samples), sample_rate, sample_rate=sample_rate, num_mel_bins=10)
        assert features.shape == (num_feature_frames(num_samples, sample_rate), 10)


@pytest.mark.parametrize("rate_in", [8000, 11025, 44100])
def test_other_rates_are_resampled(rate_in):
    samples = noise(rate_in // 2 + 7)
    resampled = torchaudio.functional.resample(torch.from_numpy(samples), rate_in, 16000)
    features = log_mel(samples, rate_in, sample_rate=16000, num_mel_bins=20)
    assert torch.equal(features, log_mel(resampled, 16000, sample_rate=16000, num_mel_bins=20))
    assert len(features) == num_feature_frames(num_samples_at(len(samples) / rate_in, 16000), 16000)


def test_unloadable_torchaudio_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    with pytest.raises(TuneAsrError, match=r"does not load beside torch 2\..*\n    Install torch>=2\.14\.1,<2\.15"):
        log_mel(noise(800), 8000, sample_rate=8000, num_mel_bins=11)  # filters not made yet
