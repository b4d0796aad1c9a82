import io
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.errors import ConfigError
from tune_asr.training.schedules import Schedule

NAMES = ("constant", "cosine", "plateau")
SCHEDULES = st.builds(
    Schedule,
    st.sampled_from(NAMES),
    total_steps=st.integers(1, 300),
    warmup_fraction=st.floats(0, 1),
    final_fraction=st.floats(0, 1),
)


@given(SCHEDULES, st.integers(0, 1000))
def test_the_multiplier_stays_between_its_bounds_beyond_the_horizon_too(schedule, step):
    lowest = 0.0 if schedule.name == "cosine" or step < schedule.warmup_steps else 1.0
    assert lowest <= schedule(step) <= 1.0
    assert step > 0 or schedule(step) > 0 or schedule.final_fraction == 0


@given(SCHEDULES)
def test_the_rate_rises_to_its_peak_and_never_rises_again(schedule):
    values = [schedule(step) for step in range(schedule.total_steps + 20)]
    peak = schedule.warmup_steps
    assert values[peak] == 1.0
    assert values[: peak + 1] == pytest.approx([(step + 1) / (peak + 1) for step in range(peak + 1)])
    assert values[peak:] == sorted(values[peak:], reverse=True)


@given(SCHEDULES)
def test_the_rate_never_jumps(schedule):
    shortest = min(schedule.warmup_steps + 1, max(1, schedule.total_steps - schedule.warmup_steps))
    for step in range(schedule.total_steps + 20):
        assert abs(schedule(step + 1) - schedule(step)) <= math.pi / 2 / shortest + 1e-12


def test_the_cosine_ends_at_its_final_fraction_and_stays_there():
    schedule = Schedule("cosine", total_steps=100, warmup_fraction=0.1, final_fraction=0.05)
    assert schedule(10) == 1.0
    assert schedule(55) == pytest.approx((1 + 0.05) / 2)
    assert schedule(99) > 0.05
    assert schedule(100) == schedule(101) == schedule(10_000) == pytest.approx(0.05)


def test_a_plateau_waits_for_its_patience_as_torch_does():
    values = [1.0, 0.9, 0.9, 0.95, 0.9, float("nan"), 0.91, 0.92, 0.8, 0.8, 0.8, 0.8, 0.8]
    schedule = Schedule("plateau", total_steps=100, factor=0.5, patience=2)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=0.0)
    for value in values:
        schedule.observe(value)
        reference.step(value)
        assert schedule(50) == optimizer.param_groups[0]["lr"]
    assert schedule(50) == 0.125


def test_a_plateau_never_falls_below_its_final_fraction():
    schedule = Schedule("plateau", total_steps=10, final_fraction=0.3, factor=0.5, patience=0)
    for _ in range(5):
        schedule.observe(1.0)
    assert schedule(5) == 0.3


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_other_schedules_do_not_listen(name):
    listened, deaf = (Schedule(name, total_steps=10, patience=0) for _ in range(2))
    for _ in range(5):
        listened.observe(1.0)
    assert [listened(step) for step in range(12)] == [deaf(step) for step in range(12)]


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_training_sees_the_same_rates(name):
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


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(ConfigError, match="no schedule 'linear': choose one of constant, cosine, plateau"):
        Schedule("linear", total_steps=10)
