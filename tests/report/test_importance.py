"""Importance of searched keys: what matters is found, and chance is not taken for more."""

from __future__ import annotations

import numpy as np
import pytest
from html_pages import page_of, rungs

from tests.written_search import Search
from tune_asr.report.importance import FEWEST, importances
from tune_asr.report.results import gather
from tune_asr.report.story import what_matters


def keys_of(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {f"key_{k}": generator.random(count) for k in range(8)}


def test_important_key_leads():
    places = keys_of(60)
    first, *others = importances(places, {}, (places["key_3"] - 0.3) ** 2)
    assert (first.key, first.is_sure) == ("key_3", True)
    assert first.share > 0.5
    assert first.low > max(other.share for other in others)
    assert all(0 <= row.low <= row.share <= row.high <= 1 for row in (first, *others))
    assert sum(row.share for row in (first, *others)) == pytest.approx(1)


def test_optuna_names_the_same_key():
    optuna = pytest.importorskip("optuna")
    places = keys_of(200)
    values = (places["key_2"] - 0.3) ** 2 + 0.3 * places["key_5"] ** 2
    ours = [row.key for row in importances(places, {}, values)]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, unit = optuna.create_study(), optuna.distributions.FloatDistribution(0, 1)
    for i, value in enumerate(values):
        params = {key: float(place[i]) for key, place in places.items()}
        study.add_trial(optuna.create_trial(value=value, params=params, distributions=dict.fromkeys(params, unit)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
    assert ours[:2] == list(optuna.importance.get_param_importances(study, evaluator=evaluator))[:2]


def test_chance_is_rarely_sure():
    sure = [row.is_sure for seed in range(30) for row in importances(keys_of(30, seed), {}, range(30))]
    assert np.mean(sure) < 0.1, "one in twenty is expected"


def test_categories_and_missing_values_count():
    generator = np.random.default_rng(3)
    kind = generator.integers(0, 3, 80).astype(float)
    depth = np.where(kind == 1, generator.random(80), np.nan)
    values = np.where(kind == 1, np.nan_to_num(depth), 2.0) + 0.01 * generator.random(80)
    rows = {row.key: row for row in importances({"kind": kind, "depth": depth, **keys_of(80)}, {"kind": 3}, values)}
    assert rows["kind"].is_sure and rows["kind"].share > 0.5
    assert sum(row.is_sure for key, row in rows.items() if key.startswith("key_")) <= 1


@pytest.mark.parametrize("values", [range(FEWEST - 1), [0.5] * 40])
def test_handful_or_ties_give_nothing(values):
    assert importances(keys_of(len(values)), {}, values) == []


def test_report_shows_intervals_of_importance(search: Search):
    search.describe(space={"param_space": {"optimizer.lr": {"uniform": [0, 1]}}, "asha": {"mode": "stop"}})
    rungs(search, lambda i: {"optimizer.lr": i / 40}, trials=40)
    first, row = what_matters(gather(search.folder.root, 5))
    assert first.startswith("Values that matter for being among the best quarter of 40 trials at epoch 2")
    assert row == "  optimizer.lr  1.00  (1.00 to 1.00)"
    (figure,) = (spec for id, spec in page_of(search.folder.root).figures.items() if id == "importance")
    assert all("error_x" in trace for trace in figure["data"])


def test_handful_of_trials_has_no_importance(shared_search: Search, shared_page):
    assert "importance" not in shared_page.figures
    assert list(what_matters(gather(shared_search.folder.root, 5))) == []
