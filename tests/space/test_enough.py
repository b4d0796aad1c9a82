"""Rule of `search.stop`, exactly."""

import math

import pytest

from tune_asr.space.enough import LARGEST_GAIN, WAVES, is_enough


def test_two_waves_must_have_passed():
    assert not is_enough([], 1.0)
    assert not is_enough([0.5], 1.0)
    assert not is_enough([0.5, 0.5], 1.0)
    assert is_enough([0.5, 0.5, 0.5], 1.0)
    assert WAVES == 2


@pytest.mark.parametrize(
    ("best", "delta", "stops"),
    [
        ([0.5, 0.5, 0.5], 0.01, True),
        ([0.5, 0.495, 0.49], 0.011, True),  # the gain of both waves counts, not that of the last
        ([0.5, 0.495, 0.49], 0.01, False),  # as large as delta is large enough
        ([0.5, 0.49, 0.49], 0.009, False),
        ([0.9, 0.5, 0.5, 0.5], 0.01, True),  # gains of earlier waves do not count
        ([0.5, 0.5, 0.46], 0.2, False),  # a gain of 3 points counts, however small the validation set is
        ([0.5, 0.5, 0.471], 0.2, True),
        ([0.5, 0.5, 0.5], 0.0, False),  # first and second err alike: any gain could be shown
        ([math.inf, 0.5, 0.5], 0.1, False),
        ([math.inf, math.inf, math.inf], 0.1, False),
    ],
)
def test_gain_is_compared_with_delta(best, delta, stops):
    assert is_enough(best, delta) is stops
    assert LARGEST_GAIN == 0.03
