"""Ledger: appended events are read back, whatever crashes."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledgers import event
from tests.limits import file_size_limit
from tune_asr.errors import StorageError
from tune_asr.record.events import Created, Ended, Event, Report, WordCounts
from tune_asr.record.ledger import Ledger, as_written, iter_ledger
from tune_asr.scoring.scores import Scores

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
text, whole, number, share = st.text(st.characters()), st.integers(0, 2**63 - 1), st.floats(), st.floats(0)
events = st.one_of(
    st.builds(Created, trial=text, params=st.dictionaries(st.text(), values, max_size=4), seed=st.integers(-9, 9)),
    st.builds(Ended, event=st.sampled_from(["finished", "failed"]), trial=text, epoch=st.none() | whole, cause=text),
    st.builds(
        Report,
        trial=text,
        epoch=whole,
        scores=st.builds(Scores, share, share, number, number),
        counts=st.builds(WordCounts, words=st.none() | whole, insertions=whole),
        train_loss=number,
        seconds=share,
        last=st.booleans(),
    ),
)


def read(path: Path) -> list[Event]:
    return list(iter_ledger(path))


def write(path: Path, *batches: Sequence[Event]) -> list[Event]:
    ledger = Ledger.open(path)
    written = [event for batch in batches for event in ledger.append(*batch)]
    ledger.close()
    return written


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(events, max_size=3), max_size=4))
def test_reading_gives_what_append_returned(tmp_path, batches):
    path = tmp_path / "trials.jsonl"
    path.unlink(missing_ok=True)
    assert write(path, *batches) == read(path)


def test_non_finite_numbers_become_null():
    scores = Scores(0.5, 0.5, val_loss=math.inf, objective=math.nan)
    written = as_written(Report(trial="00000", epoch=1, scores=scores, seconds=1.0, last=False))
    assert (written["val_wer"], written["val_loss"], written["objective"]) == (0.5, None, None)
    written = as_written(event("created", params={"a": [math.nan, {"b": math.inf}, 1.5]}))
    assert written["params"] == {"a": [None, {"b": None}, 1.5]}


def test_missing_time_is_added_in_utc():
    time = as_written(event("started"))["time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert abs(datetime.fromisoformat(time) - datetime.now(UTC)) < timedelta(seconds=5)
    assert as_written(event("started", time="then"))["time"] == "then"


def test_torn_last_line_alone_is_lost(tmp_path):
    """Torn at any of its bytes."""
    path = tmp_path / "trials.jsonl"
    before = write(path, [event("created"), event("started")])
    length = path.stat().st_size
    write(path, [event("failed", cause="naïve \n 日本")])
    whole = path.read_bytes()
    for cut in range(length, len(whole)):
        path.write_bytes(whole[:cut])
        assert read(path) == before, f"read, cut at byte {cut}"
        assert path.stat().st_size == cut, "reading wrote"
        after = write(path, [event("resumed")])
        assert read(path) == before + after, f"written, cut at byte {cut}"


def test_last_line_without_json_is_cut(tmp_path):
    path = tmp_path / "trials.jsonl"
    before = write(path, [event("started")])
    for torn in (
        b"\0\0\0\0\n",
        b'{"event": "rep\n',
        b'["event"]\n',
        b'{"no": "event"}\n',
        b"\xff\n",
        b"[" * 9000 + b"\n",
    ):
        with path.open("ab") as file:
            file.write(torn)
        assert read(path) == before
        write(path)
        assert read(path) == before
        assert path.read_bytes().endswith(b"}\n")


def test_broken_middle_line_is_named_and_kept(tmp_path):
    path = tmp_path / "trials.jsonl"
    write(path, [event("started")] * 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"{broken\n" + lines[2])
    damaged = path.read_bytes()
    for attempt in (read, Ledger.open):
        named = rf"(?s){re.escape(str(path))}:2: .*not an event, but '{{broken'.*cut it off before line 2"
        with pytest.raises(StorageError, match=named):
            attempt(path)
    assert path.read_bytes() == damaged


def test_hint_for_the_first_line(tmp_path):
    """Nothing would be left to resume if the ledger were cut there."""
    path = tmp_path / "trials.jsonl"
    write(path, [event("started")] * 2)
    path.write_bytes(b"{broken\n" + path.read_bytes())
    with pytest.raises(StorageError, match="not an event") as refused:
        read(path)
    assert str(refused.value).endswith(f"\n    Restore {path} from a copy, or start a new search.")


def test_missing_ledger_is_refused(tmp_path):
    with pytest.raises(StorageError, match="not a results folder"):
        read(tmp_path / "trials.jsonl")


def test_append_is_one_write_and_fsync(tmp_path, monkeypatch):
    calls: list[str] = []
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    for name in ("write", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: calls.append(name) or real(*a))
    ledger.append(event("report"), event("decision"), event("pruned"))
    assert calls == ["write", "fsync"]


def test_child_process_inherits_no_ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "trials.jsonl")
    assert not os.get_inheritable(ledger._descriptor)


def test_append_beyond_limit_is_undone(tmp_path):
    """The system writes a part of the line."""
    path = tmp_path / "trials.jsonl"
    ledger = Ledger.open(path)
    first = ledger.append(event("started"))
    refused = r"(?s)cannot append to the ledger: the file would exceed the size limit\n.*ulimit"
    with file_size_limit(1 << 17), pytest.raises(StorageError, match=refused):
        ledger.append(event("report"), event("failed", cause="x" * (1 << 18)))
    assert path.read_bytes().count(b"\n") == 1
    second = ledger.append(event("resumed"))
    assert read(path) == first + second


def test_append_to_full_disk_gives_hint():
    ledger = Ledger(Path("/dev/full"), os.open("/dev/full", os.O_WRONLY), length=0)
    with pytest.raises(StorageError, match=r"(?s)cannot append to the ledger: the disk is full\n.*Free some space"):
        ledger.append(event("started"))
    ledger.close()


def test_lines_are_utf_8_json(tmp_path):
    path = tmp_path / "trials.jsonl"
    write(path, [event("failed", cause="größer \u2028 \udc80")])
    (line,) = path.read_bytes().split(b"\n")[:-1]
    assert "größer".encode() in line
    assert json.loads(line.decode("utf-8"))["cause"] == "größer \u2028 \udc80"
