from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio.compliance import kaldi
from torchaudio.functional import resample

from tune_asr.speech.audio.frames import (
    can_resample,
    is_feasible,
    min_frames,
    min_samples,
    num_feature_frames,
    num_samples_at,
    output_frames,
)


def fbank_length(num_samples: int, sample_rate: int) -> int:
    waveform = torch.zeros(1, num_samples)
    return kaldi.fbank(waveform, sample_frequency=sample_rate, frame_shift=10, snip_edges=False).shape[0]


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 22050, 44100])
def test_feature_frames_equal_torchaudios(sample_rate):
    shift = sample_rate // 100
    borders = (frames * shift + shift // 2 + offset for frames in (3, 4, 50) for offset in (-1, 0, 1))
    for num_samples in [min_samples(sample_rate), *borders]:
        assert num_feature_frames(num_samples, sample_rate) == fbank_length(num_samples, sample_rate)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 44100])
def test_min_samples_is_shortest_for_fbank(sample_rate):
    assert fbank_length(min_samples(sample_rate), sample_rate) > 0
    with pytest.raises(AssertionError):
        fbank_length(min_samples(sample_rate) - 1, sample_rate)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20_000), st.sampled_from([8000, 11025, 16000, 44100, 48000]), st.sampled_from([8000, 16000]))
def test_resampled_length_equals_torchaudios(num_samples, rate, new_rate):
    made = resample(torch.zeros(num_samples), rate, new_rate).shape[0]
    assert num_samples_at(num_samples / rate, new_rate) == made


@given(st.integers(1, 10**9), st.integers(4000, 192_000))
def test_length_survives_conversion_to_seconds(num_samples, rate):
    assert num_samples_at(num_samples / rate, rate) == num_samples


@given(st.integers(0, 10_000), st.integers(1, 16))
def test_output_frames_round_up(num_frames, subsampling):
    assert output_frames(num_frames, subsampling) == len(range(0, num_frames, subsampling))


@given(st.lists(st.integers(1, 2), max_size=5))
def test_min_frames_is_shortest_ctc_path(tokens):
    def collapses(path: tuple[int, ...]) -> bool:
        return [symbol for symbol, _ in itertools.groupby(path) if symbol != 0] == tokens

    shortest = next(n for n in itertools.count() if any(map(collapses, itertools.product(range(3), repeat=n))))
    assert min_frames(tokens) == shortest


def test_feasibility_counts_the_blank_between_repeats():
    one_second = {"seconds": 1.0, "sample_rate": 8000, "subsampling": 10}
    assert is_feasible([1, 2] * 5, **one_second)
    assert not is_feasible([1, 2] * 5 + [1], **one_second)
    assert is_feasible([1] * 5, **one_second)
    assert not is_feasible([1] * 6, **one_second)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000])
@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100])
def test_usual_rates_can_be_resampled(rate, sample_rate):
    assert can_resample(rate, sample_rate)


def test_odd_rates_cannot_be_resampled():
    assert not can_resample(11127, 8000)
