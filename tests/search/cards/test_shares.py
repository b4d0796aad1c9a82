"""Shares of GPUs."""

import pytest

from tune_asr.search.cards.shares import hole, more_room, share_of, slots_of, trials_on, weight


@pytest.mark.parametrize("trials", range(1, 65))
def test_share_of_equal_trials(trials):
    """Ray takes no more of them than fit, to a ten-thousandth."""
    assert trials_on(share_of(trials)) == trials
    assert hole(share_of(trials)) < 0.01


@pytest.mark.parametrize(
    ("share", "trials", "unused"),
    [(0.5, 2, 0), (0.3, 3, 0.1), (0.4, 2, 0.2), (0.6, 1, 0.4), (0.1, 10, 0), (1 / 3, 3, 0.0001), (0.1429, 6, 0.1426)],
)
def test_fraction_leaves_a_hole(share, trials, unused):
    assert trials_on(share) == trials
    assert hole(share) == pytest.approx(unused)


@pytest.mark.parametrize(
    ("cpus", "gpus", "each", "share", "slots"),
    [
        (16, 2, 1, 0, 16),
        (16, 2, 1, 1, 2),
        (16, 2, 1, 2, 1),
        (16, 3, 1, 2, 1),
        (16, 2, 1, 0.4, 4),  # 5 by the sum, but no trial lies on two GPUs
        (16, 2, 1, 0.6, 2),
        (3, 2, 1, 0.25, 3),
        (0.3, 0, 0.1, 0, 3),
        (16, 0, 1, 0.5, 0),
    ],
)
def test_slots_of_a_node(cpus, gpus, each, share, slots):
    assert slots_of(cpus, gpus, each, share) == slots


@pytest.mark.parametrize(
    ("share", "need", "larger"),
    [
        (0.0625, None, 0.125),
        (0.125, 0.1, 0.25),  # its neighbours had more than their part
        (0.125, 0.3, 0.3333),
        (0.125, 0.6, 1.0),
        (0.3, None, 1.0),
        (0.5, None, 1.0),
        (0.5, 1.01, None),  # it would not fit alone
        (1.0, None, None),
        (2.0, 0.5, None),
        (0.0, None, None),  # a CPU
    ],
)
def test_more_room_after_memory_ran_out(share, need, larger):
    assert more_room(share, need) == larger


@pytest.mark.parametrize(
    ("share", "usual", "slots"), [(0.25, 0.25, 1), (0.5, 0.25, 2), (1, 0.3333, 4), (1, 1, 1), (0, 0, 1), (0.2, 0.25, 1)]
)
def test_larger_share_takes_more_slots(share, usual, slots):
    assert weight(share, usual) == slots
