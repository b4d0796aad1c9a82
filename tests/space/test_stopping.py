"""ASHA, compared with the paper's definition computed directly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.space.test_asha import RUNGS
from tune_asr.space.stopping import Asha

VALUES = st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=60)


@given(values=VALUES, eta=st.integers(2, 5))
def test_best_1_in_eta_continue(values, eta):
    """Trials among the best 1 in eta so far continue."""
    asha = Asha(grace_period=1, reduction_factor=eta, max_t=2)
    for n, value in enumerate(values, start=1):
        decision = asha.decide(1, value)
        top = sorted(values[:n])[: max(1, n // eta)]
        assert decision.verdict == ("continue" if value <= top[-1] else "stop")
        assert decision.cutoff == top[-1]


@given(values=VALUES, eta=st.integers(2, 4), cut=st.integers(0, 60))
def test_replayed_rungs_decide_alike(values, eta, cut):
    whole, first, second = (Asha(grace_period=2, reduction_factor=eta, max_t=9) for _ in range(3))
    decisions = [first.decide(2, value) for value in values[:cut]]
    second.replay(decisions)
    verdicts = [whole.decide(2, value) for value in values]
    assert [second.decide(2, value) for value in values[cut:]] == verdicts[cut:]


@pytest.mark.parametrize(("grace_period", "reduction_factor", "max_t", "milestones"), RUNGS)
def test_rung_epochs_follow_paper(grace_period, reduction_factor, max_t, milestones):
    """Rung k is at r * eta^k epochs, below R."""
    asha = Asha(grace_period=grace_period, reduction_factor=reduction_factor, max_t=max_t)
    assert asha.milestones == milestones
    assert all(asha.decide(epoch, 0.5).rung == k for k, epoch in enumerate(milestones))


def test_no_decision_between_rungs():
    assert Asha(grace_period=3, reduction_factor=2, max_t=24).decide(4, 0.1) is None


def test_equal_values_continue_together():
    asha = Asha(grace_period=1, reduction_factor=2, max_t=4)
    assert [asha.decide(1, 1.0).verdict for _ in range(8)] == ["continue"] * 8


@given(values=VALUES, eta=st.integers(2, 4), controls=st.integers(0, 5), cut=st.integers(0, 60))
def test_first_stopped_trials_are_controls(values, eta, controls, cut):
    """Controls stay the same over a restart."""
    plain = Asha(grace_period=1, reduction_factor=eta, max_t=3)
    before, after = (Asha(grace_period=1, reduction_factor=eta, max_t=3, controls=controls) for _ in range(2))
    expected = [plain.decide(1, value) for value in values]
    decisions = [before.decide(1, value) for value in values[:cut]]
    after.replay(decisions)
    decisions += [after.decide(1, value) for value in values[cut:]]
    would_stop = [k for k, decision in enumerate(expected) if decision.verdict == "stop"]
    assert [k for k, decision in enumerate(decisions) if decision.control] == would_stop[:controls]
    assert [k for k, decision in enumerate(decisions) if decision.verdict == "stop"] == would_stop[controls:]
    assert [decision.cutoff for decision in decisions] == [decision.cutoff for decision in expected]
