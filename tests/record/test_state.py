"""State of a search, replayed or live."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledgers import event
from tune_asr.errors import StorageError
from tune_asr.record.events import Event, Report
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, STATUSES

CREATED = event("created")


@st.composite
def histories(draw) -> list[Event]:
    """Draw possible events of a search, with trials interleaved."""
    events: list[Event] = []
    epochs: dict[str, int] = {}
    over: set[str] = set()
    for second in range(draw(st.integers(0, 40))):
        time = f"2026-01-01T00:00:{second:02d}.000Z"
        if not epochs or draw(st.integers(0, 5)) == 0:
            number = f"{len(epochs):05d}"
            epochs[number] = 0
            events.append(event("created", trial=number, params={"lr": draw(st.floats(1e-5, 1.0))}, time=time))
            continue
        number = draw(st.sampled_from(sorted(epochs)))
        if number in over:
            continue
        name = draw(st.sampled_from(["started", "report", "report", "paused", "resumed", "decision", *FINAL]))
        fields = {"trial": number, "time": time}
        if name == "report":
            epochs[number] += 1
            fields |= {"epoch": epochs[number], "val_wer": 0.5, "seconds": 1.0}
        if name == "decision":
            fields |= {"epoch": epochs[number]}
        if name == "resumed":
            fields |= {"epoch": epochs[number], "cause": "worker died"}
        if name in FINAL:
            over.add(number)
        events.append(event(name, **fields))
    return events


@settings(deadline=None)
@given(histories())
def test_replay_equals_applying_each_event(events):
    live = SearchState()
    for each in events:
        live.apply(each)
    assert SearchState.replay(events) == live
    assert live.epochs == sum(isinstance(each, Report) for each in events) == live.seconds
    assert {t.number for t in live.open_trials()} == {t.number for t in live.trials.values() if t.status not in FINAL}
    assert list(live.trials) == sorted(live.trials)
    assert sum(live.counts().values()) == len(live.trials)


def test_decision_needs_last_epoch():
    state = SearchState()
    state.apply(CREATED)
    with pytest.raises(StorageError, match="judged at epoch 9, but is at 0"):
        state.apply(event("decision", epoch=9))


def test_live_state_equals_replay(search):
    search.start()
    trial = search.trial(lr=1e-3)
    search.epoch(trial, [1, 2], loss=float("nan"))
    search.log("diverged", trial=trial, cause="loss is NaN")
    search.log("search_ended", status="finished")
    assert SearchState.read(search.folder.ledger) == search.state


def test_each_event_leads_to_its_state():
    state = SearchState()
    seen = []
    for kind in ("created", "started", "paused", "resumed", "finished"):
        state.apply(event(kind))
        seen.append(state.trials["00000"].status)
    assert seen == ["pending", "running", "paused", "running", "finished"]
    assert set(STATUSES) == {*seen, *FINAL}


@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_report_needs_next_epoch(epoch):
    """Line and trial are named."""
    events = [CREATED, event("report", epoch=1), event("report", epoch=epoch)]
    message = rf"trials\.jsonl:3: .*trial 00000 reports epoch {epoch}, but 2 is the next"
    with pytest.raises(StorageError, match=message):
        SearchState.replay(events)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (event("started", trial="00007"), "trial 00007 was never created"),
        (event("created", trial="00002"), "created, but 00001 is the next number"),
        (event("created", trial="../../etc"), "is the next number"),
    ],
)
def test_impossible_event_is_refused_with_line(bad, message):
    with pytest.raises(StorageError, match=rf"trials\.jsonl:2: a {bad.event} event cannot follow here: .*{message}"):
        SearchState.replay([CREATED, bad])


@pytest.mark.parametrize("final", FINAL)
def test_ended_trial_stays_ended(final):
    state = SearchState.replay([CREATED, event(final, cause="because")])
    assert state.trials["00000"].cause == "because"
    with pytest.raises(StorageError, match=re.escape(f"trial 00000 is over: it is {final}")):
        state.apply(event("started"))


def test_retries_count_deaths_since_last_epoch():
    """A new driver is not a retry."""
    events = [CREATED, event("started")]
    events += [event("paused", epoch=0, cause="killed", retry=n) for n in (1, 2)]
    events += [event("paused", epoch=0), event("resumed", epoch=0, cause="search resumed")]
    state = SearchState.replay(events)
    trial = state.trials["00000"]
    assert (trial.retries, trial.deaths) == (2, ["killed", "killed"])
    state.apply(event("report", epoch=1))
    assert (trial.retries, trial.deaths) == (2, [])


def test_wall_time_omits_pauses():
    def at(clock: str, kind: str, **fields: object) -> Event:
        return event(kind, time=f"2026-01-01T{clock}.000Z", **fields)

    events = [
        at("10:00:00", "search_started", slots=2),
        at("10:00:30", "created", trial="00000", params={}, seed=1),  # and then the driver was killed
        at("12:00:00", "search_started", slots=3),
        at("12:00:10", "search_ended", status="finished"),
    ]
    state = SearchState.replay(events)
    assert (state.wall_seconds, state.slots, state.status) == (40.0, 3, "finished")


def test_time_budget_counts_before_the_start():
    """Seconds of the command before its first event count; those between runs do not."""
    times = [f"2026-01-01T00:{minute:02d}:00.000Z" for minute in (0, 1, 30, 32)]
    ended = {"status": "interrupted"}
    state = SearchState.replay(
        [
            event("search_started", time=times[0], before_seconds=5.0),
            event("search_ended", time=times[1], **ended),
            event("search_started", time=times[2], before_seconds=2.5),
            event("search_ended", time=times[3], **ended),
        ]
    )
    assert state.used_seconds == 5.0 + 60.0 + 2.5 + 120.0
    assert state.wall_seconds == 180.0


def test_next_plan_ends_closing():
    plan = event("plan", trials=16, horizon=24, slots=2, cause="start", deadline_seconds=3600.0)
    closed = [plan, event("closing", cause="time")]
    assert SearchState.replay(closed).closing
    assert SearchState.replay([*closed, plan]).closing is None
