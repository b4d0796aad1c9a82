"""Trials as the model sees them, and those that longer trainings repeat."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.ledgers import event
from tests.search.test_going_on import plan_of
from tune_asr.record.events import Event
from tune_asr.record.state import SearchState
from tune_asr.search.longer import repeated, repetition
from tune_asr.search.proposing import outcome_of, settings_of

EXCESS = {"rung": -1, "verdict": "stop", "limit": "num_parameters"}


def trained(number: int, wer: float, params: dict | None = None, epochs: int = 1, **created) -> list[Event]:
    """Return the events of a trial up to its last report."""
    trial = f"{number:05d}"
    begun = event("created", trial=trial, params=params or {"key": number}, **created)
    reports = [event("report", trial=trial, epoch=e, val_wer=wer, val_cer=wer) for e in range(1, epochs + 1)]
    return [begun, event("started", trial=trial), *reports]


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ([event("report", epoch=3, last=True), event("finished")], "whole"),
        ([event("finished")], "early"),
        ([event("pruned", epoch=2)], "whole"),
        ([event("diverged", epoch=3)], "diverged"),
        ([event("failed", of_setting=True)], "worst"),
        ([event("failed", of_setting=False)], "void"),
        ([event("failed")], "void"),
        ([event("paused", epoch=2, cause="rung")], "open"),
        ([event("paused", epoch=2)], "open"),
        ([], "open"),
        ([event("decision", epoch=2, **EXCESS)], "worst"),
    ],
)
def test_outcome_follows_the_last_event(ends, outcome):
    """A training that ends before epoch 3, its horizon, was ended by early stopping."""
    state = SearchState.replay([*trained(0, 0.5, epochs=2), *ends])
    assert outcome_of(state.trials["00000"], 3) == outcome


def test_model_sees_no_finalist_and_no_repetition():
    """They are none of the eight trials with a point, before which settings are drawn at random."""
    plan = plan_of(algorithm="auto")
    begun = [trained(n, 0.5, plan.settings(n), epochs=3) for n in range(8)]
    others = [trained(7, 0.1, finalist_of="00000", epochs=3), trained(8, 0.1, continues_setting_of="00000", epochs=3)]
    seven, eight = (SearchState.replay(chain(*each)) for each in ([*begun[:7], *others], begun))
    assert settings_of(plan, 8, seven, "val_wer") == plan.settings(8)
    assert settings_of(plan, 8, eight, "val_wer") != plan.settings(8)


def test_each_setting_is_repeated_once():
    """Neither finalists nor trials beyond a limit; the base keeps its place if a trial has its setting."""
    events = [
        *trained(0, 0.5, {"key": 1.0}, base=True),
        *trained(1, 0.3),
        *trained(2, 0.1),
        event("decision", trial="00002", epoch=1, **EXCESS),
        *trained(3, 0.25),
        *trained(4, 0.01, {"key": 3}, finalist_of="00003"),
        *trained(5, 0.28, {"key": 1}),
        *trained(6, 0.26, {"key": 3}),
        *trained(7, 0.4),
        *trained(8, 0.45),
    ]
    state = SearchState.replay(events)
    assert [trial.number for trial in repeated(state, "val_wer", 1)] == ["00003", "00005", "00007"]
    assert repetition(state, "00009", state.trials["00005"]).base
    assert repetition(state, "00009", state.trials["00003"]).base is None


def test_base_is_repeated_beside_the_best():
    events = [*trained(0, 0.9, base=True), *(each for n in (1, 2, 3, 4) for each in trained(n, n / 10))]
    state = SearchState.replay(events)
    assert [trial.number for trial in repeated(state, "val_wer", 1)] == ["00001", "00002", "00003", "00000"]
