"""Replays of a search under other settings: exact where the ledger has the values, never wrong where it has not."""

from __future__ import annotations

import itertools
import random
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledgers import event
from tests.report.slow_replay import slow_replay
from tune_asr.record.state import SearchState
from tune_asr.report.advice import controls
from tune_asr.report.replay import History, Setting, lower_before
from tune_asr.space.stopping import Asha

MAX_T = 8
curves = st.lists(st.lists(st.integers(0, 20), min_size=MAX_T, max_size=MAX_T), min_size=1, max_size=12)
factors, graces = st.integers(2, 4), st.integers(1, 5)


def searched(curves, grace, eta, *, slots=1, seed=0, controls=0):
    """A search of trials with these curves, one value an epoch, that are run `slots` at a time."""
    asha = Asha(grace_period=grace, reduction_factor=eta, max_t=MAX_T, controls=controls)
    state, chance = SearchState(), random.Random(seed)
    waiting, running = list(range(len(curves))), []
    while waiting or running:
        while waiting and len(running) < slots:
            state.apply(event("created", trial=f"{waiting[0]:05d}"))
            running.append(waiting.pop(0))
        index = chance.choice(running)
        trial = state.trials[f"{index:05d}"]
        epoch, value = trial.epoch + 1, curves[index][trial.epoch]
        state.apply(event("report", trial=trial.number, epoch=epoch, objective=value, seconds=1.0))
        decision = None if epoch == MAX_T or trial.is_control else asha.decide(epoch, value)
        if decision:
            state.apply(event("decision", trial=trial.number, **asdict(decision)))
        if epoch == MAX_T or (decision and decision.verdict == "stop"):
            state.apply(event("finished" if epoch == MAX_T else "pruned", trial=trial.number))
            running.remove(index)
    return state


def lengths(state):
    return {number: trial.epoch for number, trial in state.trials.items()}


def bounds(replay):
    return {number: replay.of(number) for number in replay.trials}


def exactly(state):
    return {number: (epochs, epochs) for number, epochs in lengths(state).items()}


@settings(deadline=None, max_examples=300)
@given(curves, graces, factors, st.integers(1, 4), st.integers(0, 99), graces, factors, st.integers(0, 2))
def test_replay_equals_slow_one(curves, grace, eta, slots, seed, other_grace, other_eta, controls):
    state = searched(curves, grace, eta, slots=slots, seed=seed, controls=controls)
    setting = Setting("objective", other_grace, other_eta)
    assert bounds(History(state, MAX_T).replay(setting)) == slow_replay(state, setting, MAX_T)


def test_replay_of_many_equals_slow_one():
    chance = random.Random(0)
    curves = [[chance.randint(0, 200) for _ in range(MAX_T)] for _ in range(600)]
    state = searched(curves, 2, 3, slots=4)
    history = History(state, MAX_T)
    for grace, eta in itertools.product((1, 2, 4), (2, 3, 4)):
        setting = Setting("objective", grace, eta)
        assert bounds(history.replay(setting)) == slow_replay(state, setting, MAX_T)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=400))
def test_lower_before_counts(places):
    ranks, counts = (np.array([place[i] for place in places], dtype=kind) for i, kind in ((0, int), (1, bool)))
    expected = [sum(r < rank and c for r, c in places[:place]) for place, (rank, _) in enumerate(places)]
    assert lower_before(np.unique(ranks, return_inverse=True)[1], counts).tolist() == expected


@settings(deadline=None)
@given(curves, graces, factors, st.integers(1, 4), st.integers(0, 99))
def test_replay_under_own_setting_is_identity(curves, grace, eta, slots, seed):
    state = searched(curves, grace, eta, slots=slots, seed=seed)
    replay = History(state, MAX_T).replay(Setting("objective", grace, eta))
    assert bounds(replay) == exactly(state)


@settings(deadline=None)
@given(curves, graces, factors, graces, factors)
def test_unpruned_search_replays_exactly(curves, grace, eta, other_grace, other_eta):
    whole = searched(curves, MAX_T, eta)
    replay = History(whole, MAX_T).replay(Setting("objective", other_grace, other_eta))
    assert bounds(replay) == exactly(searched(curves, other_grace, other_eta))


@settings(deadline=None, max_examples=300)
@given(curves, graces, factors, graces, factors, st.integers(0, 3))
def test_truth_lies_within_bounds(curves, grace, eta, other_grace, other_eta, controls):
    state = searched(curves, grace, eta, controls=controls)
    replay = History(state, MAX_T).replay(Setting("objective", other_grace, other_eta))
    truth = lengths(searched(curves, other_grace, other_eta))
    for number, epochs in truth.items():
        assert replay.of(number)[0] <= epochs <= replay.of(number)[1]


@settings(deadline=None)
@given(curves, graces, factors, st.integers(1, 3))
def test_controls_stop_in_replay(curves, grace, eta, controls):
    replay = History(searched(curves, grace, eta, controls=controls), MAX_T).replay(Setting("objective", grace, eta))
    assert bounds(replay) == exactly(searched(curves, grace, eta))


def test_missing_values_stay_unknown():
    # At epoch 1 the search stops trial 1, which would have come to 0: under a longer grace period it may be anything.
    state = searched([[5] * MAX_T, [6, *[0] * (MAX_T - 1)], [4] * MAX_T], 1, 2)
    replay = History(state, MAX_T).replay(Setting("objective", 4, 2))
    assert replay.of("00001") == (1, MAX_T)
    assert [replay.fate("00001", epoch) for epoch in (1, 2)] == ["kept", "unknown"]
    # Trial 2 is the best of three, or, if trial 1 is better, the second of three, of which one goes on.
    assert replay.of("00002") == (4, MAX_T)
    assert replay.epochs == (1 + MAX_T + 4, 3 * MAX_T)


def test_harder_setting_loses_winner():
    late = [9, 9, 1, 1, 1, 1, 1, 1]
    state = searched([[5] * MAX_T, late, [6] * MAX_T], 4, 2)
    replay = History(state, MAX_T).replay(Setting("objective", 1, 2))
    assert replay.fate("00001", 3) == "lost"
    assert replay.fate("00000", 1) == "kept"


@pytest.mark.parametrize("end", ["diverged", "failed"])
def test_ended_trial_trains_no_longer(end):
    state = SearchState()
    state.apply(event("created"))
    state.apply(event("report", objective=None))
    state.apply(event(end))
    for grace, eta in itertools.product((1, 2), (2, 3)):
        assert History(state, MAX_T).replay(Setting("objective", grace, eta)).epochs == (1, 1)


@pytest.mark.parametrize("again", ["continues_setting_of", "finalist_of"])
def test_replay_judges_drawn_trials_alone(again):
    state = searched([[5] * MAX_T, [6] * MAX_T], MAX_T, 2)
    state.apply(event("created", trial="00002", **{again: "00000"}))
    state.apply(event("report", trial="00002", objective=0, seconds=1.0))
    state.apply(event("decision", trial="00002", control=True))
    assert bounds(History(state, MAX_T).replay(Setting("objective", 1, 2))) == {"00000": (8, 8), "00001": (1, 1)}
    assert list(controls(state)) == []
