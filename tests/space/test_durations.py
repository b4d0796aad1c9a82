"""Durations as people write them."""

import pytest

from tune_asr.space.durations import seconds_of, written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("2d", 172_800), (" 1h 5s ", 3605), ("1.5H", 5400)],
)
def test_seconds_of_duration(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "1h30", "-5m", "0s", "5x", "30m1h", "h", "1e9s", "nan"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="must be a duration above 0 such as 90s"):
        seconds_of(text)


@pytest.mark.parametrize("text", ["90s", "10m", "1h30m", "2d", "1d1h1m1s"])
def test_written_duration_reads_back(text):
    assert seconds_of(written(seconds_of(text))) == seconds_of(text)
