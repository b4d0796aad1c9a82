"""Events round-trip, and damage is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ledgers import event
from tune_asr.record.event_lines import parse
from tune_asr.record.events import Created, Ended, Report
from tune_asr.record.ledger import as_written, encoded

LINES = """\
{"event": "search_started", "time": "2026-11-20T10:00:00.001Z", "pid": 7, "host": "h", "address": "local", "slots": 2, "resumed": false}
{"event": "created", "time": "2026-11-20T10:00:00.002Z", "trial": "00000", "params": {"optimizer.lr": 0.001, "a": [1, null]}, "seed": 17}
{"event": "started", "time": "2026-11-20T10:00:01.000Z", "trial": "00000", "process": "h:8"}
{"event": "started", "time": "2026-11-20T10:00:01.000Z", "trial": "00001", "process": "h:8", "damaged": ["epoch_001: removed"], "warning": "no W&B"}
{"event": "report", "time": "2026-11-20T10:00:02.000Z", "trial": "00000", "epoch": 1, "val_wer": 0.5, "val_cer": 0.25, "val_loss": null, "objective": 0.75, "train_loss": -1.5, "val_blank_share": 0.125, "val_empty_share": 0.0, "weights": "raw", "words": 10, "substitutions": 2, "deletions": 3, "insertions": 0, "train_seconds": 1.5, "val_seconds": 0.5, "seconds": 2.0, "checkpoint": "checkpoints/00000/epoch_001/checkpoint.ckpt", "last": false}
{"event": "report", "time": "2026-11-20T10:00:02.000Z", "trial": "00000", "epoch": 2, "val_wer": 0.5, "val_cer": 0.25, "val_loss": null, "objective": 0.75, "train_loss": null, "val_blank_share": null, "val_empty_share": null, "weights": "ema", "words": null, "substitutions": null, "deletions": null, "insertions": null, "train_seconds": 1.5, "val_seconds": 0.5, "seconds": 2.0, "checkpoint": "c", "last": true}
{"event": "decision", "time": "2026-11-20T10:00:02.000Z", "trial": "00000", "rung": 0, "epoch": 1, "value": 0.75, "cutoff": 0.75, "verdict": "continue"}
{"event": "decision", "time": "2026-11-20T10:00:02.000Z", "trial": "00000", "rung": 0, "epoch": 1, "value": 0.75, "cutoff": 0.5, "verdict": "continue", "control": true}
{"event": "paused", "time": "2026-11-20T10:00:03.000Z", "trial": "00000", "epoch": 1}
{"event": "paused", "time": "2026-11-20T10:00:03.000Z", "trial": "00000", "epoch": 1, "cause": "killed", "retry": 1}
{"event": "resumed", "time": "2026-11-20T10:00:04.000Z", "trial": "00000", "process": "h:9", "epoch": 1, "cause": "killed"}
{"event": "finished", "time": "2026-11-20T10:00:05.000Z", "trial": "00000"}
{"event": "pruned", "time": "2026-11-20T10:00:05.000Z", "trial": "00001", "epoch": 1}
{"event": "diverged", "time": "2026-11-20T10:00:05.000Z", "trial": "00002", "epoch": 1, "cause": "the loss is nan"}
{"event": "failed", "time": "2026-11-20T10:00:05.000Z", "trial": "00003", "cause": "gr\u00f6\u00dfer"}
{"event": "search_ended", "time": "2026-11-20T10:00:06.000Z", "status": "finished"}
"""  # noqa: E501


KEPT = sorted(Path(__file__).parents[1].glob("assets/*/trials.jsonl"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parent.name)
def test_earlier_ledgers_round_trip_bytes(path):
    lines = path.read_bytes().splitlines(keepends=True)
    assert [encoded(as_written(parse(json.loads(line)))) for line in lines] == lines


@pytest.mark.parametrize("line", LINES.splitlines())
def test_each_event_round_trips(line):
    assert json.dumps(as_written(parse(json.loads(line))), ensure_ascii=False) == line


def test_unknown_keys_are_ignored():
    assert event("finished", later={"a": 1}) == Ended(event="finished", trial="00000")
    assert isinstance(event("report", score=0.5), Report)


@pytest.mark.parametrize(
    ("values", "damage"),
    [
        ({"event": "created", "trial": "00000", "seed": 1}, "a created event without params"),
        ({"event": "finished"}, "a finished event without trial"),
        ({"event": "exploded"}, "this version of tune_asr knows no exploded event"),
    ],
)
def test_missing_field_or_unknown_kind_is_named(values, damage):
    with pytest.raises(ValueError, match=damage):
        parse(values)


@pytest.mark.parametrize(
    ("kind", "fields", "damage"),
    [
        ("report", {"val_wer": -1}, "val_wer is -1, but must be 0 or more"),
        ("report", {"val_wer": "x"}, "val_wer is 'x', but must be a number or null"),
        ("report", {"words": 1.5}, "words is 1.5, but must be a whole number or null"),
        ("report", {"epoch": None}, "epoch is null, but must be a whole number"),
        ("report", {"epoch": 2**63}, "epoch is 9223372036854775808, but must be a whole number"),
        ("report", {"last": 1}, "last is 1, but must be true or false"),
        ("report", {"weights": "x"}, "weights is 'x', but must be raw or ema"),
        ("failed", {"cause": 5}, "cause is 5, but must be text or null"),
        ("created", {"params": []}, r"params is \[\], but must be a mapping"),
        ("started", {"damaged": "x"}, "damaged is 'x', but must be a list or null"),
        ("started", {"damaged": [1]}, "damaged.0 is 1, but must be text"),
        ("decision", {"value": None}, "value is null, but must be a number"),
        ("search_ended", {"status": "x"}, "status is 'x', but must be finished or interrupted"),
    ],
)
def test_wrong_value_is_named_with_rule(kind, fields, damage):
    with pytest.raises(ValueError, match=f"^{damage}$"):
        event(kind, **fields)


def test_seed_may_be_negative():
    assert event("created", seed=-1) == Created(trial="00000", params={}, seed=-1)
