"""Number of trials on a GPU, from given figures."""

import pytest

from tune_asr.search.cards.packing import Need, Room, trials_a_card

GB = 2**30
SMALL = Need(2 * GB, GB // 2)


def packed(room, rate):
    """Packing, and the numbers that were measured."""
    asked = []

    def measured(trials):
        asked.append(trials)
        return rate(trials)

    return trials_a_card(room, measured), asked


@pytest.mark.parametrize(
    ("room", "rate", "trials", "asked", "reason"),
    [
        (
            Room(80 * GB, SMALL, by_cpus=16),
            lambda k: 3.0 * k,
            16,
            [1, 2, 4, 8, 16],
            "they train 16.0 times as fast as one alone, and the CPUs allow no more",
        ),
        (
            Room(80 * GB, Need(10 * GB, GB), by_cpus=16),
            lambda k: k,
            6,
            [1, 2, 4, 6],
            "they train 6.0 times as fast as one alone, and memory allows no more",
        ),
        (
            Room(80 * GB, SMALL, by_cpus=16, wanted=3),
            lambda k: k,
            3,
            [1, 2, 3],
            "they train 3.0 times as fast as one alone, and search.max_concurrent allows no more",
        ),
        (
            Room(80 * GB, SMALL, by_cpus=16),
            lambda k: min(k, 6),
            8,
            [1, 2, 4, 8, 16],
            "they train 6.0 times as fast as one alone, and 16 together train less than 1.1 times as fast as 8",
        ),
        (
            Room(80 * GB, SMALL, by_cpus=16),
            lambda k: 1 + 0.05 * k,
            1,
            [1, 2],
            "2 together train less than 1.1 times as fast as one alone",
        ),
        (Room(80 * GB, Need(60 * GB, GB), by_cpus=16), lambda k: k, 1, [], "memory allows no second trial of 61.0 GB"),
        (Room(80 * GB, SMALL, by_cpus=1), lambda k: k, 1, [], "the CPUs allow no second trial"),
        (
            Room(80 * GB, SMALL, by_cpus=16, wanted=1),
            lambda k: k,
            1,
            [],
            "search.max_concurrent allows no second trial",
        ),
        (
            Room(None, Need(0, 0), by_cpus=100),
            lambda k: k,
            64,
            [1, 2, 4, 8, 16, 32, 64],
            "they train 64.0 times as fast as one alone, and a GPU takes no more",
        ),
    ],
)
def test_packing_follows_measurement(room, rate, trials, asked, reason):
    packing, measured = packed(room, rate)
    assert (packing.trials, measured, packing.reason) == (trials, asked, reason)


def test_failing_crowd_is_not_chosen():
    """A rate of 0 is that of trainings that did not fit together."""
    packing, asked = packed(Room(80 * GB, SMALL, by_cpus=16), lambda k: k if k < 8 else 0.0)
    assert (packing.trials, asked) == (4, [1, 2, 4, 8])


def test_unmeasured_trial_has_no_neighbours():
    """Rates of 0 say nothing: a step of a large model may take longer than the measurement."""
    packing, asked = packed(Room(80 * GB, SMALL, by_cpus=16), lambda _: 0.0)
    assert (packing.trials, packing.faster, asked) == (1, 1.0, [1])
    assert packing.reason == "one alone ends no step within a measurement"


@pytest.mark.parametrize("by_cpus", [2, 5, 16])
def test_memory_is_shared_fairly(by_cpus):
    """Tensors and contexts of all fit in the free memory, and none has less than the longest batch needs."""
    room = Room(80 * GB, SMALL, by_cpus=by_cpus)
    packing, _ = packed(room, lambda k: k)
    assert packing.memory_bytes >= SMALL.peak
    assert packing.trials * (packing.memory_bytes + SMALL.context) <= 80 * GB


def test_one_alone_may_have_all():
    packing, _ = packed(Room(80 * GB, Need(60 * GB, GB), by_cpus=16), lambda k: k)
    assert packing.memory_bytes is None
    assert packing.share == 1.0
