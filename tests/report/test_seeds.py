"""Seeds of one setting: their mean, and how far the seed alone moves the result."""

from __future__ import annotations

import pytest

from tests.written_search import Search
from tune_asr.report.results import gather
from tune_asr.report.seeds import repeats, seed_lines


def train(search: Search, errors: list[int], **params) -> None:
    trial = search.trial(**params)
    for wrong in errors:
        search.epoch(trial, [wrong] * 5)


def test_seeds_are_compared_at_equal_epochs(search):
    for seed, errors in ((1, [9, 8, 4]), (2, [9, 7, 2]), (3, [9])):
        train(search, errors, **{"optimizer.lr": 0.1, "seed": seed})
    train(search, [1], **{"optimizer.lr": 0.2, "seed": 1})
    (group,) = repeats(list(search.state.trials.values()), "val_wer")
    assert (group.epoch, group.rates, group.left_out) == (3, [0.4, 0.2], 1)
    assert (group.mean, group.spread) == (pytest.approx(0.3), pytest.approx(0.1 * 2**0.5))


def test_seeds_give_mean_and_spread(search):
    for lr, errors in ((0.1, (4, 2, 3)), (0.2, (5, 5, 8))):
        for wrong in errors:
            train(search, [wrong], **{"optimizer.lr": lr})
    search.describe()
    lines = list(seed_lines(gather(search.folder.root, 5)))
    rows = [line.split() for line in lines if line.startswith("  0000")]
    assert rows == [
        ["00000", "00001", "00002", "30.0", "10.0", "20.0", "40.0", "1"],
        ["00003", "00004", "00005", "60.0", "17.3", "50.0", "80.0", "1"],
    ]
    # Variances of 1 and 3, in tenths, pooled: the root of 2.
    assert lines[-1].startswith("The seed alone moves the WER by 14.1 points (standard deviation over 6 trials")
    assert "a rough guess" in lines[-1]


def test_numbers_in_other_digits_are_one_setting(search):
    """The base holds 1.0 where the space lists 1."""
    for value in (1.0, 1):
        train(search, [2], **{"optimizer.lr": value})
    assert len(repeats(list(search.state.trials.values()), "val_wer")) == 1


def test_settings_without_repeats_have_no_seeds(search):
    train(search, [1], **{"optimizer.lr": 0.1})
    train(search, [2], **{"optimizer.lr": 0.2})
    assert list(seed_lines(gather(search.folder.root, 5))) == []
