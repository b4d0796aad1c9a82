"""Extent of resumed searches with a time budget: the limit of trials, and the end."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ledgers import event
from tests.search.test_going_on import HORIZON, plan_of, run
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.search_events import Planned, SearchEnded, Stopped
from tune_asr.record.state import SearchState
from tune_asr.search.budget import Command
from tune_asr.search.cards.placement import Placement
from tune_asr.search.extent import Asked, changes, is_finished, plans, trials_to_create
from tune_asr.search.foresight import interpolated
from tune_asr.search.search import Search
from tune_asr.search.timed import timed

START = Planned(trials=12, horizon=HORIZON, slots=1, deadline_seconds=3600.0, cause="start")
TRIAL = [event("created"), event("started"), event("report", last=False), event("finished")]


def planned(start, asked):
    """Plans of an unfinished search."""
    state = SearchState.replay([start, *TRIAL])
    return list(plans(plan_of(), state, "val_wer", 1, asked)) if changes(plan_of(), state, asked) else []


@pytest.mark.parametrize("limit", [None, 10])
@pytest.mark.parametrize("asked", [12, 20])
def test_asked_trials_are_the_limit(limit, asked):
    """Also where so many are planned already."""
    (plan,) = planned(replace(START, limit=limit), Asked(trials=asked))
    assert (plan.trials, plan.limit, plan.deadline_seconds) == (asked, asked, 3600.0)


def test_limit_that_holds_is_not_written_again():
    assert not planned(replace(START, limit=12), Asked(trials=12))


def test_finished_search_goes_on_without_deadline():
    (plan,) = planned(replace(START, limit=12), Asked(trials=20, of_finished=True))
    assert (plan.trials, plan.limit, plan.deadline_seconds) == (20, None, None)


def more_time(events, asked):
    """Plan of a resume with a minute more."""
    search = Search(ResultsFolder(Path("none")), plan_of(), "val_wer", {}, asked=asked)
    state = SearchState.replay(events)
    return timed(search, state, Placement(1, 1.0, 0.0), Command(time.monotonic(), 60.0), lambda: None).budget.planned


def test_limit_outlives_more_time():
    assert more_time([replace(START, limit=12), *TRIAL], Asked()).limit == 12
    assert more_time([replace(START, limit=12), *TRIAL], Asked(trials=20)).limit == 20


def test_stopped_search_goes_on_with_more_time():
    """The time is for more trials, though no more are planned than before."""
    start = replace(START, deadline_seconds=None)
    events = [start, *TRIAL, Stopped(best=0.5, delta=0.1), SearchEnded(status="finished")]
    state = SearchState.replay(events)
    assert (state.stopped is not None, trials_to_create(plan_of(), state)) == (True, 0)
    state.apply(more_time(events, Asked()))
    assert (state.stopped, trials_to_create(plan_of(), state)) == (None, START.trials - 1)


def test_limit_of_a_search_that_came_to_it_ends():
    events = [replace(START, trials=1, limit=1), *TRIAL, SearchEnded(status="finished")]
    assert more_time(events, Asked()).limit is None
    assert more_time(events, Asked(trials=5)).limit == 5


def test_search_with_time_left_is_not_finished():
    """It was killed between the end of its trials and the next wave."""
    events = [replace(START, trials=1), *TRIAL]
    assert not is_finished(plan_of(), SearchState.replay(events), "val_wer")
    ended = [*events, SearchEnded(status="finished")]
    assert is_finished(plan_of(), SearchState.replay(ended), "val_wer")
    assert is_finished(plan_of(), SearchState.replay(run(plan_of())[:-1]), "val_wer")  # without a budget


@pytest.mark.parametrize(("size", "seconds"), [(5, 1.0), (10, 1.0), (15, 2.0), (20, 3.0), (40, 3.0)])
def test_seconds_follow_the_size(size, seconds):
    assert interpolated({10: 1.0, 20: 3.0}, size) == seconds
