"""Finalists that a round gets later: with another `search.finalists`, or with another best setting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.search.test_ending import FINALISTS, TABLE, Counted, run
from tests.simulation.draws import draws
from tests.simulation.engine import Engine
from tune_asr.record.finalists import last_round
from tune_asr.record.ranking import standings
from tune_asr.record.state import SearchState
from tune_asr.search.ending import Ending


def again(engine: Engine, top: int, seeds: int) -> Engine:
    """Resume a finished search with other finalists."""
    resumed = run({**FINALISTS, "finalists": {"top": top, "seeds": seeds}}, trials=6, events=engine.ledger.events)
    assert all(trial.status == "finished" for trial in last_round(resumed.state))
    return resumed


def grid(engine: Engine) -> list[tuple[str | None, int]]:
    """Return settings and seeds of the round."""
    return [(trial.finalist_of, trial.seed) for trial in last_round(engine.state)]


@pytest.mark.parametrize(("top", "seeds"), [(3, 3), (2, 4), (4, 5)])
def test_larger_round_gets_what_it_lacks(top, seeds):
    first = run(FINALISTS, trials=6)
    more = again(first, top, seeds)
    assert grid(more)[:6] == grid(first)
    assert len(set(grid(more))) == len(grid(more)) == top * seeds
    assert {len({seed for of, seed in grid(more) if of == one}) for one, _ in grid(more)} == {seeds}


@pytest.mark.parametrize(("top", "seeds"), [(1, 3), (2, 1), (1, 2)])
def test_smaller_round_keeps_what_it_has(top, seeds):
    first = run(FINALISTS, trials=6)
    assert grid(again(first, top, seeds)) == grid(first)


def test_fewer_settings_get_all_seeds():
    """A round has the same seeds for each setting."""
    more = again(run(FINALISTS, trials=6), 1, 4)
    assert [of for of, _ in grid(more)[6:]] == list(dict.fromkeys(of for of, _ in grid(more)))


def test_another_best_setting_joins_the_round():
    first = run(FINALISTS, trials=6)
    third = next(t for t, _ in standings(first.state, TABLE.metric)[2:] if t.is_drawn and t.number != "00000")
    (draw,) = draws(TABLE, 6, 1, 1)
    state = SearchState.replay(first.ledger.events)
    best = state.trials[third.number]
    best.reports[-1] = replace(best.reports[-1], scores=replace(best.reports[-1].scores, val_wer=0.0))
    lacking = Ending(Engine(draw, {"search": FINALISTS, "asha": {}}).plan, TABLE.metric, state).finalists()
    seeds = list(dict.fromkeys(seed for _, seed in grid(first)))
    numbers = [f"{number:05d}" for number in range(12, 15)]
    assert [(each.trial, each.finalist_of, each.seed) for each in lacking] == [
        (number, third.number, seed) for number, seed in zip(numbers, seeds, strict=True)
    ]


def test_unchanged_round_is_not_ranked_again():
    engine = run(FINALISTS, trials=6)
    (draw,) = draws(TABLE, 6, 1, 1)
    smaller = {**FINALISTS, "finalists": {"top": 1, "seeds": 1}}
    ending = Ending(Engine(draw, {"search": smaller, "asha": {}}).plan, TABLE.metric, engine.state)
    assert ending.finalists() == []
    best = engine.state.trials["00000"]
    best.reports = Counted(best.reports)
    assert ending.finalists() == []
    assert best.reports.read == 0
