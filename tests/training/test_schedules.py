import io
import math
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.errors import ConfigError
from tune_asr.training.schedules import Name, Schedule

NAMES = get_args(Name)
FALLING = ("cosine", "noam", "one_cycle", "tri_stage")
SCHEDULES = st.builds(
    Schedule,
    st.sampled_from(NAMES),
    total_steps=st.integers(1, 300),
    warmup_fraction=st.floats(0, 1),
    final_fraction=st.floats(1e-3, 1),
    hold_fraction=st.floats(0, 1),
)


@given(SCHEDULES, st.integers(0, 1000))
def test_multiplier_stays_within_bounds(schedule, step):
    """Beyond the horizon too."""
    lowest = 0.0 if schedule.name in FALLING or step < schedule.warmup_steps else 1.0
    assert lowest < schedule(step) <= 1.0 or schedule(step) == lowest == 1.0


@given(SCHEDULES)
def test_rate_rises_once(schedule):
    """It rises to its peak and never again."""
    values = [schedule(step) for step in range(schedule.total_steps + 20)]
    peak = schedule.warmup_steps
    assert values[peak] == 1.0
    risen = [(step + 1) / (peak + 1) for step in range(peak + 1)]
    if schedule.name == "one_cycle":
        risen = [1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * share)) / 2 for share in risen]
    assert values[: peak + 1] == pytest.approx(risen)
    assert values[peak:] == sorted(values[peak:], reverse=True)


@given(SCHEDULES)
def test_rate_never_jumps(schedule):
    held = schedule.hold_steps if schedule.name == "tri_stage" else 0
    shortest = min(schedule.warmup_steps + 1, max(1, schedule.total_steps - schedule.warmup_steps - held))
    if schedule.name == "tri_stage":  # steepest at its start
        shortest /= max(math.pi / 2, -math.log(schedule.final_fraction))
    for step in range(schedule.total_steps + 20):
        assert abs(schedule(step + 1) - schedule(step)) <= math.pi / 2 / shortest + 1e-12


def test_cosine_ends_at_final_fraction():
    """It stays there."""
    schedule = Schedule("cosine", total_steps=100, warmup_fraction=0.1, final_fraction=0.05)
    assert schedule(10) == 1.0
    assert schedule(55) == pytest.approx((1 + 0.05) / 2)
    assert schedule(99) > 0.05
    assert schedule(100) == schedule(101) == schedule(10_000) == pytest.approx(0.05)


def test_one_cycle_falls_like_torch():
    optimizer = torch.optim.AdamW([torch.zeros(1)])
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=102, pct_start=21 / 102, final_div_factor=4, cycle_momentum=False
    )
    ours = Schedule("one_cycle", total_steps=101, warmup_fraction=20 / 101, final_fraction=0.01)
    for step in range(20, 102):
        while torchs.last_epoch < step:
            optimizer.step()
            torchs.step()
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
    assert ours(0) > 0.04


def test_noam_falls_with_root_of_steps():
    schedule = Schedule("noam", total_steps=1000, warmup_fraction=0.1)
    assert schedule(100) == 1.0
    assert schedule(403) == pytest.approx(0.5)
    assert schedule(49) == pytest.approx(50 / 101)


def test_tri_stage_rises_stays_and_falls():
    schedule = Schedule("tri_stage", total_steps=100, warmup_fraction=0.1, hold_fraction=0.4, final_fraction=0.01)
    assert {schedule(step) for step in range(10, 51)} == {1.0}
    assert schedule(75) == pytest.approx(0.1)
    assert schedule(100) == schedule(5000) == pytest.approx(0.01)


def test_tri_stage_cannot_end_at_zero():
    with pytest.raises(ConfigError, match="final_fraction is 0, but must be above 0 for tri_stage"):
        Schedule("tri_stage", total_steps=100)


def test_plateau_waits_like_torch():
    values = [1.0, 0.9, 0.9, 0.95, 0.9, float("nan"), 0.91, 0.92, 0.8, 0.8, 0.8, 0.8, 0.8]
    schedule = Schedule("plateau", total_steps=100, factor=0.5, patience=2)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=0.0)
    for value in values:
        schedule.observe(value)
        reference.step(value)
        assert schedule(50) == optimizer.param_groups[0]["lr"]
    assert schedule(50) == 0.125


def test_plateau_keeps_final_fraction():
    schedule = Schedule("plateau", total_steps=10, final_fraction=0.3, factor=0.5, patience=0)
    for _ in range(5):
        schedule.observe(1.0)
    assert schedule(5) == 0.3


@pytest.mark.parametrize("name", [name for name in NAMES if name != "plateau"])
def test_other_schedules_ignore_objective(name):
    listened, deaf = (Schedule(name, total_steps=10, final_fraction=0.1, patience=0) for _ in range(2))
    for _ in range(5):
        listened.observe(1.0)
    assert [listened(step) for step in range(12)] == [deaf(step) for step in range(12)]


@pytest.mark.parametrize("name", NAMES)
def test_resume_sees_same_rates(name):
    def training():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        schedule = Schedule(name, total_steps=40, warmup_fraction=0.2, final_fraction=0.01, patience=0)
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, schedule), schedule

    def run(optimizer, scheduler, schedule, epochs):
        rates = []
        for epoch in epochs:
            for _ in range(5):
                optimizer.step()
                scheduler.step()
                rates.append(scheduler.get_last_lr()[0])
            schedule.observe(1.0 if epoch < 2 else 2.0)
        return rates

    whole = training()
    expected = run(*whole, range(8))
    halved = training()
    run(*halved, range(4))
    file = io.BytesIO()
    torch.save([halved[0].state_dict(), halved[1].state_dict()], file)
    file.seek(0)
    resumed = training()
    for part, state in zip(resumed[:2], torch.load(file, weights_only=True), strict=True):
        part.load_state_dict(state)
    assert run(*resumed, range(4, 8)) == expected[20:]


def test_unknown_name_lists_known_ones():
    with pytest.raises(ConfigError, match=r"no schedule 'linear'\n +Choose one of constant, cosine, plateau, one_"):
        Schedule("linear", total_steps=10)
