"""How well a rung foretells the next one, and who worked when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledgers import event
from tune_asr.record.search_yaml import read_description
from tune_asr.report.pruning import horizon_of
from tune_asr.report.rungs import RungOrder, asha_metric, predictions, rank_correlation, rung_orders
from tune_asr.report.timeline import Run, runs


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=20, unique=True))
def test_rank_correlation_of_monotonic_values(values):
    assert rank_correlation(values, [v**3 for v in values]) == pytest.approx(1)
    assert rank_correlation(values, [-v for v in values]) == pytest.approx(-1)


def test_ties_share_mean_ranks():
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: by hand, 4.5 / sqrt(4.5 * 5).
    assert rank_correlation([0, 7, 7, 9], [1, 2, 3, 4]) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_rung_predicts_the_next(search):
    search.start()
    for i in range(4):
        trial = search.trial()
        search.epoch(trial, [i])
        verdict = "stop" if i == 3 else "continue"
        search.log("decision", trial=trial, rung=0, epoch=1, value=0.1 * i, cutoff=0.2, verdict=verdict)
        if i < 3:
            search.epoch(trial, [3 - i])
        search.log("pruned" if i == 3 else "finished", trial=trial)
    first, end = rung_orders(search.state, "objective")
    assert (first.name, set(first.values), first.stopped) == ("epoch 1", {f"0000{i}" for i in range(4)}, {"00003"})
    assert (end.name, end.epoch, len(end.values)) == ("the end", 2, 3)
    assert predictions([first, end]) == [
        "The order at epoch 1 predicts that at the end with a rank correlation of -1.00 (3 trials)."
    ]


def test_two_trials_predict_nothing():
    orders = [RungOrder(e, False, {"a": 1.0, "b": 2.0}, frozenset()) for e in (1, 3)]
    assert predictions(orders) == ["How well epoch 1 predicts epoch 3 is not known: 2 trials reached both."]


def test_run_ends():
    def at(name, second, **fields):
        return event(name, time=f"2026-01-01T00:00:{second:02d}Z", **fields)

    events = [
        at("search_started", 0),
        at("started", 1, trial="00000", process="h:1"),
        at("started", 2, trial="00001", process="h:2"),
        at("report", 3, trial="00000"),
        at("search_started", 30),
        at("resumed", 31, trial="00000", process="h:3"),
        at("paused", 32, trial="00000"),
        at("resumed", 33, trial="00000", process="h:4"),
        at("pruned", 34, trial="00000"),
        at("resumed", 35, trial="00001", process="h:3"),
        at("report", 36, trial="00001"),
    ]
    found = runs(events, running=True)
    assert runs(events, running=False)[-1].ended == "killed"
    assert [(r.trial, r.process, r.start[-3:-1], r.end[-3:-1], r.ended) for r in found] == [
        ("00000", "h:1", "01", "03", "killed"),
        ("00001", "h:2", "02", "02", "killed"),
        ("00000", "h:3", "31", "32", "paused"),
        ("00000", "h:4", "33", "34", "pruned"),
        ("00001", "h:3", "35", "36", "running"),
    ]
    assert all(isinstance(run, Run) for run in found)


@pytest.mark.parametrize(("metric", "compared"), [("val_wer", "val_wer"), ("val_cer", "val_cer")])
def test_end_uses_metric_of_rungs(search, metric, compared):
    search.describe(metric=metric, space={"asha": {"metric": "val_wer"}})
    assert asha_metric(read_description(search.folder.search_yaml).plan, metric) == compared


@pytest.mark.parametrize(("stop_epoch", "horizon"), [(None, 4), (3, 3)])
def test_stop_epoch_is_the_horizon(search, stop_epoch, horizon):
    config = {"trainer": {"max_epochs": 9}, "early_stopping": {"stop_epoch": stop_epoch}}
    search.describe(config=config)
    assert horizon_of(read_description(search.folder.search_yaml).plan, search.state) == horizon


def test_end_of_waves_is_best_so_far(waves):
    *_, end = rung_orders(waves.state, "score")
    assert (end.name, end.values["00010"]) == ("the end", pytest.approx(0.755))
