"""ASHA in waves, compared with its definition computed directly."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.space.asha import Waves, milestones, wave_sizes
from tune_asr.space.sections import AshaSection

CURVES = st.lists(st.lists(st.floats(0, 2, allow_nan=False), min_size=12, max_size=12), min_size=1, max_size=12)

RUNGS = [
    (3, 2, 24, [3, 6, 12]),
    (1, 3, 243, [1, 3, 9, 27, 81]),  # Ray's own loses its top rung here, to rounding
    (1, 10, 1000, [1, 10, 100]),
    (3, 3, 27, [3, 9]),
    (5, 2, 5, []),
    (9, 2, 5, []),
]
"""Grace period, reduction factor and last epoch, with the rungs that follow."""


def waves(opened: int = 12, **setting: float) -> Waves:
    made = Waves(**{"grace_period": 3, "reduction_factor": 2, "max_t": 12} | setting)
    made.opened = opened
    return made


def enter(made: Waves, trial: str, *values: float) -> None:
    for epoch, value in enumerate(values, start=1):
        made.enter(trial, epoch, value)


@pytest.mark.parametrize(("grace_period", "reduction_factor", "max_t", "epochs"), RUNGS)
def test_rung_epochs_follow_paper(grace_period, reduction_factor, max_t, epochs):
    assert milestones(grace_period, reduction_factor, max_t) == epochs


@pytest.mark.parametrize(
    ("opened", "epoch", "room"),
    # ceil((0.6 n + 6) / 2 * sqrt(3/e * (24 - e)/21)), by hand.
    [(16, 3, 8), (16, 6, 6), (16, 12, 3), (16, 23, 1), (64, 3, 23), (64, 6, 15), (64, 12, 9), (1, 3, 4)],
)
def test_room_shrinks_towards_the_end(opened, epoch, room):
    assert waves(opened, max_t=24).room(epoch) == room


def test_rounding_errors_make_no_room():
    """(0.6 * 26 + 6) / 2 * sqrt(1/3 * 25/27) is 6."""
    assert waves(26, grace_period=1, max_t=28).room(3) == 6


def test_last_epoch_has_room_for_one():
    assert waves(1, reduction_factor=9, max_t=300).room(299) == 1


@given(curves=CURVES, blank=st.sampled_from([0.5, 1.0, math.inf]))
def test_verdict_counts_better_trials(curves, blank):
    """A trial stops if `room` others that came to its epoch are better; up to epoch 6 blank trials are equal."""
    made = waves(len(curves), blank=blank)
    for number, curve in enumerate(curves):
        for epoch, value in enumerate(curve, start=1):
            decision = made.judge(str(number), epoch, value)
            made.enter(str(number), epoch, value)
            others = [min(earlier[:epoch]) for earlier in curves[:number]]
            own = min(curve[:epoch]) if epoch >= 6 else min(*curve[:epoch], blank)
            better = sum(other < own for other in others)
            if not 3 <= epoch < 12:
                expected = None
            elif better >= made.room(epoch):
                expected = "stop"
            else:
                expected = "pause" if epoch in (3, 6) else None
            assert (decision and decision.verdict) == expected
            if decision:
                assert (decision.better, decision.epoch) == (better, epoch)
                assert decision.rung == {3: 0, 6: 1}.get(epoch, -1)


def test_stopped_trials_still_count():
    made = waves(1, max_t=6)  # room for 4 at epoch 3
    for number in range(4):
        enter(made, str(number), 0.1, 0.1, 0.1)
    assert made.judge("4", 3, 0.2).verdict == "stop"
    assert made.judge("4", 3, 0.1).verdict == "pause"


def test_blank_trials_wait_for_each_other():
    """Up to the second rung the loss, what lies above 2, stops no trial; a value that is not finite does."""
    made = waves(1, max_t=12, blank=2.0)  # room for 4 at epoch 3, 3 at epoch 6
    for number, value in enumerate((2.001, 2.002, 2.003, 2.004)):
        enter(made, str(number), *[value] * 6)
    assert made.judge("4", 3, 2.005).verdict == "pause"
    assert made.judge("4", 5, 2.005) is None
    assert made.judge("4", 6, 2.005).verdict == "stop"
    assert made.judge("5", 3, math.inf).verdict == "stop"
    for number in range(6, 10):
        enter(made, str(number), 1.9, 1.9, 1.9)
    assert made.judge("4", 3, 2.005).verdict == "stop"
    assert made.judge("10", 3, 1.95).verdict == "stop"


@pytest.mark.parametrize(("metric", "verdict"), [("score", "pause"), ("objective", "stop"), ("val_wer", "stop")])
def test_score_alone_shows_blank_trials(metric, verdict):
    made = Waves.of(AshaSection(metric=metric), 12)
    made.opened = 1
    for number in range(4):
        enter(made, str(number), *[2.001] * 3)
    assert made.judge("4", 3, 2.002).verdict == verdict


def test_best_value_so_far_counts():
    made = waves()
    enter(made, "0", 0.3, 0.9)
    assert made.judge("0", 3, 0.9).value == 0.3


def test_base_is_never_stopped():
    """It pauses at rungs, and counts among the others."""
    made = waves(1, max_t=6)
    made.spare("0")
    for number in range(1, 5):
        enter(made, str(number), 0.1, 0.1, 0.1, 0.1)
    enter(made, "0", 0.9, 0.9, 0.9)
    decision = made.judge("0", 3, 0.9)
    assert (decision.verdict, decision.better, decision.room) == ("pause", 4, 4)
    assert made.judge("0", 4, 0.9) is None
    made.wait("0", 3)
    assert made.turn() == ([], "0")


def test_lowest_epoch_then_value_then_number():
    made = waves()
    for trial, values in {"00004": [0.5] * 6, "00003": [0.6] * 3, "00001": [0.7] * 3, "00002": [0.6] * 3}.items():
        enter(made, trial, *values)
        made.wait(trial, len(values))
    order = []
    while (taken := made.turn()[1]) is not None:
        made.take(taken)
        order.append(taken)
    assert order == ["00002", "00003", "00001", "00004"]


def test_waiting_trial_without_room_stops():
    """The room shrinks while it waits, and others come."""
    made = waves(1, max_t=6)
    enter(made, "0", 0.5, 0.5, 0.5)
    assert made.judge("0", 3, 0.5).verdict == "pause"
    made.wait("0", 3)
    for number in range(1, 5):
        enter(made, str(number), 0.1, 0.1, 0.1)
    ((trial, decision),), chosen = made.turn()
    assert (trial, decision.verdict, decision.better, chosen) == ("0", "stop", 4, None)


def test_pausing_trial_may_be_next():
    made = waves()
    enter(made, "1", 0.5, 0.5, 0.5)
    made.wait("1", 3)
    assert made.turn(made.waiting("0", 3, 0.4)) == ([], "0")
    assert made.turn(made.waiting("0", 3, 0.6)) == ([], "1")
    assert made.turn() == ([], "1")


def test_controls_enter_no_later_epoch():
    """Others are judged as if the control had stopped."""
    made = waves(1, controls=1)
    for number in range(4):
        enter(made, str(number), 0.1, 0.1, 0.1)
    decision = made.judge("4", 3, 0.2)
    assert (decision.verdict, decision.control) == ("continue", True)
    enter(made, "4", 0.2, 0.2, 0.2)
    made.judge_no_more("4", control=True)
    for epoch in range(4, 12):
        assert made.judge("4", epoch, 0.0) is None
        made.enter("4", epoch, 0.0)
    assert made.judge("0", 6, 0.1).better == 0
    assert made.judge("5", 3, 0.2).verdict == "stop", "there is one control alone"


def test_trial_judged_no_more_still_counts():
    """A trial that is taken while the search closes is no control."""
    made = waves(1)
    enter(made, "0", 0.1, 0.1, 0.1)
    made.judge_no_more("0", control=False)
    made.enter("0", 4, 0.1)
    made.enter("0", 5, 0.1)
    made.enter("0", 6, 0.1)
    assert made.judge("0", 6, 0.1) is None
    assert made.judge("1", 6, 0.2).better == 1


def test_grace_beyond_the_end_judges_nothing():
    made = waves(grace_period=12)
    assert made.milestones == []
    assert [made.judge("0", epoch, math.inf) for epoch in range(1, 13)] == [None] * 12


@pytest.mark.parametrize(
    ("planned", "slots", "has_model", "sizes"),
    [
        (16, 2, True, (16, 16)),
        (64, 2, True, (16, 16)),
        (100, 2, True, (16, 25)),
        (101, 2, True, (16, 26)),
        (400, 2, True, (16, 32)),
        (64, 12, True, (24, 24)),
        (1000, 2, False, (64, 64)),
        (1000, 40, False, (80, 80)),
    ],
)
def test_wave_sizes(planned, slots, has_model, sizes):
    assert wave_sizes(planned, slots, has_model=has_model) == sizes


@pytest.mark.parametrize("epoch", range(24))
def test_expected_share_falls_with_epochs(epoch):
    made = waves(64, max_t=24)
    assert 0 < made.share_beyond(epoch + 1, 64) <= made.share_beyond(epoch, 64) or epoch == 23
    assert made.share_beyond(2, 64) == 1
