"""Controls that were spared while they waited at a rung."""

from tune_asr.space.asha import Waves


def test_a_waiting_control_is_judged_once():
    """Another trial may pause before the slot takes the control."""
    waves = Waves(grace_period=2, reduction_factor=2, max_t=8, controls=1)
    waves.opened = 1
    for trial, value in (("00000", 0.9), ("00001", 0.1), ("00002", 0.2), ("00003", 0.3), ("00004", 0.4)):
        waves.enter(trial, 2, value)
    waves.wait("00000", 2)
    ((trial, decision),), chosen = waves.turn()
    assert (trial, chosen, decision.verdict, decision.control) == ("00000", "00000", "continue", True)
    waves.judge_no_more("00000", control=True)
    assert waves.turn() == ([], "00000")
