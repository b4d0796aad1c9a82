"""Forecast of epochs and time, without a clock."""

from dataclasses import replace

import pytest

from tune_asr.space.asha import Waves
from tune_asr.space.forecast import (
    Forecast,
    Pace,
    Progress,
    Rule,
    fitting_horizon,
    fitting_trials,
    forecast,
    seconds_needed,
    seconds_of_finalists,
)
from tune_asr.space.sections import AshaSection

RULE = Rule(AshaSection(), 24)
SECOND = Pace(1.0, 1.0, 1.0)


def test_new_search_trains_the_room_of_each_epoch():
    waves = Waves(grace_period=3, reduction_factor=2, max_t=24)
    rooms = sum(min(16, waves.room(epoch, 16)) for epoch in range(3, 24))
    assert forecast(RULE, 16).epochs == pytest.approx(16 * 3 + rooms)


def test_without_pruning_all_trials_end():
    assert forecast(replace(RULE, horizon=3), 5).epochs == 15


def test_base_is_trained_to_the_end():
    stopping = Rule(AshaSection(mode="stop"), 24)
    with_base = forecast(replace(stopping, has_base=True), 4).epochs
    # Of four trials one goes beyond epoch 6, and half of one beyond 12.
    assert with_base - forecast(stopping, 4).epochs == pytest.approx(12 * 0.5)


def test_trained_epochs_are_not_left():
    whole = forecast(RULE, 16)
    begun = Progress(created=16, reached=[16, 16, 16], waiting=[3] * 16, base=None)
    assert whole.epochs - forecast(RULE, 16, begun).epochs == pytest.approx(16 * 3)


def test_running_trial_continues_beyond_last_rung():
    alone = Progress(created=16, reached=[16] * 3 + [8] * 9 + [1] * 3, running=[15], base=None)
    left = forecast(RULE, 16, alone).epochs
    assert 0.0 < left <= 9.0


def test_nothing_is_left_of_ended_trials():
    assert forecast(RULE, 16, Progress(created=16, reached=[16] * 24, base=None)).epochs == 0


def test_last_trial_trains_alone():
    work = Forecast(epochs=100.0, set_ups=10.0, tail=20.0)
    pace = Pace(2.0, 1.0, 3.0, set_up=0.5)
    assert work.seconds(pace, 1) == 205.0
    assert work.seconds(pace, 4) == (160.0 + 5.0) / 4 + 40.0


@pytest.mark.parametrize("slots", [1, 2, 8])
@pytest.mark.parametrize("seconds", [30.0, 100.0, 1000.0, 50_000.0])
def test_fitting_trials_are_the_most(seconds, slots):
    trials = fitting_trials(RULE, SECOND, slots, seconds, 100_000)
    assert seconds_needed(RULE, SECOND, slots, trials) <= seconds < seconds_needed(RULE, SECOND, slots, trials + 1)


def test_too_little_time_fits_no_trial():
    assert fitting_trials(RULE, SECOND, 2, 23.9, 16) == 0
    assert fitting_trials(RULE, SECOND, 2, 24.0, 16) == 1


def test_command_line_limits_trials():
    assert fitting_trials(RULE, SECOND, 2, 1e6, 16) == 16
    assert fitting_trials(RULE, SECOND, 2, 1e6, 16, Progress(created=20, base=None)) == 20


def test_configured_horizon_stays_if_eight_trials_fit():
    needed = seconds_needed(RULE, SECOND, 2, 8)
    assert fitting_horizon(RULE, SECOND, 2, lambda _: needed, 100) == 24
    shorter = fitting_horizon(RULE, SECOND, 2, lambda _: 0.6 * needed, 100)
    assert seconds_needed(replace(RULE, horizon=shorter), SECOND, 2, 8) <= 0.6 * needed
    assert seconds_needed(replace(RULE, horizon=shorter + 1), SECOND, 2, 8) > 0.6 * needed


def test_horizon_is_at_least_one():
    assert fitting_horizon(RULE, SECOND, 2, lambda _: 0.1, 100) == 1


def test_finalists_fill_the_slots():
    assert seconds_of_finalists(9, 24, SECOND, 2) == 5 * 24


def test_range_widens_with_the_pace():
    assert RULE.time_range(SECOND) == RULE.epoch_range
    low, high = RULE.time_range(Pace(2.0, 1.0, 6.0))
    assert low == pytest.approx(0.95 * 0.85)
    assert high == pytest.approx(1.3 * 1.6)
