"""Time left of a search with finalists."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.search.test_ending import FINALISTS, TABLE, run
from tune_asr.record.events import Created, Event
from tune_asr.record.search_events import Planned
from tune_asr.record.state import SearchState
from tune_asr.search.outlook import Outlook

RUNS = 2 * 3


def left(engine, events: Iterable[Event], plan=None) -> tuple[float, float]:
    """Return the seconds left after these events, and those of an epoch."""
    state = SearchState.replay(events)
    return Outlook(plan or engine.plan, state, 1).seconds_left(), sum(report.seconds for report in state.reports) / len(
        state.reports
    )


def longer(trials: int, horizon: int) -> Planned:
    return Planned(trials=trials, horizon=horizon, slots=1, cause="num_samples")


@pytest.fixture(scope="module")
def finished():
    return run(FINALISTS, trials=6)


def test_new_round_follows_new_trials(finished):
    """Before the first of them and after it."""
    events = [*finished.ledger.events, longer(8, TABLE.horizon)]
    created = [Created(trial=f"{number:05d}", params={}, seed=number) for number in (12, 13)]
    for more in ([], created[:1], created):
        seconds, epoch = left(finished, [*events, *more])
        assert seconds > RUNS * TABLE.horizon * epoch * 0.999


def test_open_finalists_are_left(finished):
    events = finished.ledger.events
    at = max(i for i, event in enumerate(events) if isinstance(event, Created))
    seconds, epoch = left(finished, events[: at + 1])
    assert seconds == pytest.approx(RUNS * TABLE.horizon * epoch)
    assert left(finished, events)[0] == 0


def test_longer_stage_has_no_finalists(finished):
    without = run({"algorithm": "random"}, trials=6)
    events = [*without.ledger.events, longer(3, 2 * TABLE.horizon)]
    assert left(without, events, finished.plan) == left(without, events)
