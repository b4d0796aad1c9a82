"""Lines read together: the same events and the same damage as one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.record.batches import events
from tune_asr.record.event_lines import parse
from tune_asr.record.ledger import iter_ledger

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-2, 2**64) | st.booleans() | st.none()
anything = numbers | st.text(max_size=3) | st.lists(st.integers(), max_size=2) | st.dictionaries(st.text(), st.none())
rates = st.floats(0, 5) | st.none()
REPORT = {
    "event": st.just("report"),
    "trial": st.just("00001"),
    "time": st.just("2026-01-01T00:00:00.000Z"),
    "epoch": st.integers(0, 30),
    **dict.fromkeys(("val_wer", "val_cer", "objective", "seconds", "rtf"), rates),
    "val_loss": st.floats(-1, 5) | st.none(),
    "words": st.integers(0, 900) | st.none(),
    "weights": st.sampled_from(["raw", "ema"]),
    "checkpoint": st.text(max_size=4) | st.none(),
    "last": st.booleans(),
    "later": st.just({"a": 1}),
}
DECISION = {
    "event": st.just("decision"),
    "trial": st.just("00001"),
    "rung": st.integers(-1, 3),
    "epoch": st.integers(0, 30),
    "value": st.floats(-5, 5),
    "verdict": st.sampled_from(["continue", "pause", "stop"]),
    "control": st.booleans() | st.none(),
}
CREATED = {
    "event": st.just("created"),
    "trial": st.just("00001"),
    "params": st.dictionaries(st.text(max_size=2), anything, max_size=2),
    "seed": st.integers(0, 99),
    "base": st.booleans() | st.none(),
}
STARTED = {"event": st.just("started"), "trial": st.just("00001"), "damaged": st.lists(st.text(max_size=2), max_size=1)}
ENDED = {"event": st.sampled_from(["finished", "pruned", "diverged", "failed"]), "trial": st.just("00001")}
WAVE = {"event": st.just("wave"), "wave": st.integers(1, 3), "trials": st.integers(1, 3)}
good = st.one_of([st.fixed_dictionaries(kind) for kind in (REPORT, DECISION, CREATED, STARTED, ENDED, WAVE)])


def read(lines):
    """Events of the lines, and the damage that ends them."""
    found = []
    try:
        for event in lines:
            found.append(event)
    except ValueError as error:
        return found, str(error)
    return found, None


@settings(deadline=None)
@given(st.lists(good, max_size=12))
def test_batch_equals_single_lines(lines):
    # repr tells 1 from 1.0 and from True.
    assert repr(read(events(lines))) == repr(read(map(parse, lines)))


@settings(deadline=None, max_examples=300)
@given(st.lists(good, min_size=1, max_size=6), st.data())
def test_damage_in_batch_reads_as_alone(lines, data):
    line = data.draw(st.sampled_from(lines))
    line[data.draw(st.sampled_from(sorted(line.keys() - {"event"})))] = data.draw(anything)
    if len(line) > 2 and data.draw(st.booleans()):
        del line[data.draw(st.sampled_from(sorted(line.keys() - {"event"})))]
    assert repr(read(events(lines))) == repr(read(map(parse, lines)))


def test_events_of_batch_are_frozen():
    line = {"event": "decision", "trial": "00000", "epoch": 1, "value": 0.5, "verdict": "stop"}
    (event,) = events([line])
    with pytest.raises(AttributeError):
        event.epoch = 2
    assert hash(event) == hash(parse(line))


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_ledger_keeps_every_bit_of_numbers(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "trials.jsonl"
    line = {"event": "decision", "trial": "00000", "epoch": 1, "verdict": "stop"}
    path.write_text("".join(json.dumps(line | {"value": value}) + "\n" for value in values))
    assert [event.value for event in iter_ledger(path)] == values


def test_ledger_with_escaped_surrogate_opens(tmp_path):
    path = tmp_path / "trials.jsonl"
    line = {"event": "paused", "trial": "00000", "cause": "\udce9"}
    path.write_text(json.dumps(line) + "\n" + json.dumps(line | {"cause": "x"}) + "\n")
    assert [event.cause for event in iter_ledger(path)] == ["\udce9", "x"]
