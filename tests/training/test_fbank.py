"""The batched filter bank, equal to torchaudio's to the bit on a CPU."""

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.errors import ConfigError
from tune_asr.training.features.fbank import fbanks
from tune_asr.training.features.log_mel import log_mels, resample
from tune_asr.training.features.sources import device_of


def torchaudios(samples, sample_rate, num_mel_bins):
    return torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(samples)[None],
        num_mel_bins=num_mel_bins,
        sample_frequency=sample_rate,
        frame_length=25.0,
        frame_shift=10.0,
        dither=0.0,
        snip_edges=False,
        low_freq=20,
        high_freq=-400,
    )


@settings(max_examples=60, deadline=None)
@given(
    sample_rate=st.sampled_from([8000, 11025, 16000, 22050, 44100]),
    num_mel_bins=st.sampled_from([10, 23, 40, 80]),
    seconds=st.lists(st.floats(0.025, 3), min_size=1, max_size=8),
    loudness=st.sampled_from([0.0, 1e-4, 0.1, 1.0]),
    seed=st.integers(0, 99),
)
def test_batched_equals_torchaudio(sample_rate, num_mel_bins, seconds, loudness, seed):
    random = np.random.default_rng(seed)
    shortest = sample_rate // 40
    lengths = [max(shortest, round(length * sample_rate)) for length in seconds]
    waveforms = [(loudness * random.standard_normal(length)).astype(np.float32) for length in lengths]
    made = fbanks(waveforms, sample_rate, num_mel_bins)
    assert len(made) == len(waveforms)
    for found, samples in zip(made, waveforms, strict=True):
        assert torch.equal(found, torchaudios(samples, sample_rate, num_mel_bins))


@settings(max_examples=30, deadline=None)
@given(
    rates=st.lists(st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]), min_size=1, max_size=4),
    sample_rate=st.sampled_from([8000, 16000]),
    length=st.integers(2500, 20000),
)
def test_resampled_equals_torchaudio(rates, sample_rate, length):
    random = np.random.default_rng(length)
    recordings = [(random.uniform(-1, 1, length).astype(np.float32), rate) for rate in rates]
    for found, (samples, rate) in zip(
        log_mels(recordings, sample_rate=sample_rate, num_mel_bins=23), recordings, strict=True
    ):
        expected = torch.from_numpy(samples)
        if rate != sample_rate:
            expected = torchaudio.functional.resample(expected, rate, sample_rate)
        assert torch.equal(resample(samples, rate, sample_rate), expected)
        assert torch.equal(found, torchaudios(expected.numpy(), sample_rate, 23))


@pytest.mark.parametrize("rate", [8000, 16000])
def test_other_device_differs_by_rounding(rate):
    """A device with a number is none to keep the bits of: it takes the way of a GPU, many utterances at once."""
    random = np.random.default_rng(0)
    recordings = [(random.standard_normal(length).astype(np.float32), rate) for length in (900, 9001, 30000)]
    made = log_mels(recordings, sample_rate=8000, num_mel_bins=40, device=torch.device("cpu", 0))
    for found, expected in zip(made, log_mels(recordings, sample_rate=8000, num_mel_bins=40), strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)


def test_gpu_is_asked_for_in_vain():
    if torch.cuda.is_available():
        pytest.skip("has a GPU")
    with pytest.raises(
        ConfigError, match=r"^features\.device is gpu, but torch sees no GPU here\n    Set features\.device to cpu"
    ):
        device_of("gpu")


@pytest.mark.parametrize("offset", [1, 3])
def test_samples_need_no_alignment(offset):
    samples = np.random.default_rng(0).standard_normal(9001).astype(np.float32)
    assert torch.equal(
        fbanks([samples[offset:]], 8000, 40)[0], torchaudios(np.ascontiguousarray(samples[offset:]), 8000, 40)
    )
