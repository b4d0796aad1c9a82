"""Largest number of mel filters, compared with torchaudio's own bank."""

import pytest
from torchaudio.compliance.kaldi import get_mel_banks

from tune_asr.config.load import from_values
from tune_asr.config.mel_bins import max_mel_bins
from tune_asr.errors import ConfigError


def num_blind(sample_rate, num_mel_bins):
    """Count the filters of torchaudio's bank with zeros only."""
    size = 1 << (int(sample_rate * 0.025) - 1).bit_length()
    bank, _ = get_mel_banks(num_mel_bins, size, sample_rate, 20.0, -400.0, 100.0, -500.0, 1.0)
    return int((bank.sum(1) == 0).sum())


@pytest.mark.parametrize("sample_rate", [4000, 8000, 11025, 16000, 22050, 48000])
def test_max_mel_bins_leave_no_blind_filter(sample_rate):
    most = max_mel_bins(sample_rate)
    assert num_blind(sample_rate, most) == 0
    assert num_blind(sample_rate, most + 1) > 0


def test_too_many_mel_bins_refused():
    message = "num_mel_bins is 100, but must be at most 90 at 8000 Hz"
    with pytest.raises(ConfigError, match=message):
        from_values({"features": {"num_mel_bins": 100}}, "c")
