"""Settings of trials: functions of seed, number and key."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.config import strict_yaml
from tune_asr.config.load import from_values as config_from_values
from tune_asr.config.sections import Config
from tune_asr.space.distributions import parse
from tune_asr.space.plan import Plan, from_values, load_plan
from tune_asr.space.sections import SearchSection, SpaceFile

SPACE = """
param_space:
  optimizer.lr: {loguniform: [1e-4, 1e-1]}
  model.dim: {quniform: [16, 64, 16]}
  optimizer.betas: {choice: [[0.9, 0.98], [0.9, 0.999]]}
search: {num_samples: 20, seed: 5}
"""


def plan_of(param_space: dict, **search: object) -> Plan:
    """Return an unchecked plan over the default configuration."""
    distributions = {key: parse(value) for key, value in param_space.items()}
    return Plan(space=SpaceFile(search=SearchSection(**search)), distributions=distributions, config=Config())


def test_same_seed_draws_same_settings(spaces):
    one, other = spaces.load(SPACE), spaces.load(SPACE)
    assert [one.settings(n) for n in range(20)] == [other.settings(n) for n in range(20)]
    assert [one.seed(n) for n in range(20)] == [other.seed(n) for n in range(20)]


def test_settings_never_change():
    """Other numbers would change every search of users."""
    keys = {"optimizer.lr": {"loguniform": [1e-4, 1e-1]}, "model.dim": {"randint": [16, 64]}}
    plan = plan_of(keys, seed=17, include_base=False)
    assert plan.settings(0) == {"optimizer.lr": pytest.approx(0.00014692711193502666, rel=1e-12), "model.dim": 32}
    assert plan.seed(0) == 1471489027


def test_other_seed_draws_other_settings():
    param_space = {"optimizer.lr": {"uniform": [0.1, 1.0]}}
    drawn = [
        (plan.settings(n)["optimizer.lr"], plan.seed(n))
        for plan in (plan_of(param_space, seed=1), plan_of(param_space, seed=2))
        for n in range(100)
    ]
    assert len(set(drawn)) == 200


@given(st.integers(0, 10**9), st.integers(0, 99_999))
def test_added_key_changes_no_other(seed, number):
    few = {"optimizer.lr": {"loguniform": [1e-4, 1e-1]}, "model.dropout": {"uniform": [0.0, 0.3]}}
    more = {"augment.p": {"uniform": [0, 1]}, **dict(reversed(few.items())), "model.dim": {"randint": [8, 64]}}
    drawn = plan_of(more, seed=seed).settings(number)
    assert {key: drawn[key] for key in few} == plan_of(few, seed=seed).settings(number)
    assert plan_of(more, seed=seed).seed(number) == plan_of(few, seed=seed).seed(number)


def test_higher_num_samples_changes_no_trial():
    param_space = {"optimizer.lr": {"uniform": [0.1, 1.0]}, "model.dim": {"grid_search": [8, 16]}}
    few, many = plan_of(param_space, num_samples=4), plan_of(param_space, num_samples=40)
    assert [few.settings(n) for n in range(8)] == [many.settings(n) for n in range(8)]


def test_draws_of_keys_are_independent():
    plan = plan_of({"model.dropout": {"uniform": [0, 1]}, "augment.p": {"uniform": [0, 1]}})
    counts = Counter(tuple(value < 0.5 for value in plan.settings(n).values()) for n in range(1000))
    assert all(200 < count < 300 for count in counts.values()) and len(counts) == 4


@pytest.mark.parametrize("algorithm", ["grid", "random"])
@pytest.mark.parametrize("num_samples", [1, 3])
def test_grid_combinations_come_num_samples_times(algorithm, num_samples):
    """Every combination of the grids comes num_samples times."""
    grids = {"model.dim": [8, 16, 24], "model.subsampling": [2, 4], "model.kernel_size": [3, 5, 7, 9]}
    plan = plan_of(
        {key: {"grid_search": values} for key, values in grids.items()}, algorithm=algorithm, num_samples=num_samples
    )
    assert plan.num_trials == 24 * num_samples
    cells = Counter(tuple(plan.settings(n).values()) for n in range(plan.num_trials))
    assert cells == dict.fromkeys(itertools.product(*grids.values()), num_samples)
    assert len({plan.seed(n) for n in range(plan.num_trials)}) == plan.num_trials


def test_number_of_trials():
    grid = {"model.dim": {"grid_search": [8, 16]}}
    assert plan_of({}).num_trials == 16
    assert plan_of(grid).num_trials == 32
    assert plan_of(grid, algorithm="grid").num_trials == 2
    assert plan_of({}, algorithm="grid").num_trials == 1
    assert plan_of({}, num_samples=3).num_trials == 3


def test_empty_space_varies_seed_only(spaces):
    plan = spaces.load("search: {num_samples: 5}")
    assert plan.settings(0) == {}
    configs = [config_from_values(plan.trial_values(plan.settings(n), plan.seed(n)), "trial") for n in range(5)]
    assert len({config.seed for config in configs}) == 5
    assert {
        config.model_copy(update={"seed": 0}) == plan.config.model_copy(update={"seed": 0}) for config in configs
    } == {True}


def test_trial_values_hold_settings_and_seed(spaces):
    plan = spaces.load(SPACE)
    values = plan.trial_values({"optimizer.lr": 0.5, "trainer.accelerator": "cpu"}, 7)
    config = config_from_values(values, "trial")
    assert (config.seed, config.optimizer.lr, config.trainer.model_extra) == (7, 0.5, {"accelerator": "cpu"})
    assert plan.config.optimizer.lr == 3.0e-3


def test_searched_seed_is_trials_seed(spaces):
    plan = spaces.load("param_space: {seed: {choice: [7]}}")
    assert plan.trial_values(plan.settings(3), plan.seed(3))["seed"] == 7


def test_max_t_defaults_to_horizon(spaces):
    """Last epoch: the horizon unless max_t is lower."""
    assert spaces.load("").max_t == 24
    assert spaces.load("asha: {max_t: 9}").max_t == 9
    assert spaces.load("", "trainer.max_epochs=30", "asha.max_t=30").max_t == 30


def test_set_and_over_are_equal(spaces):
    keys = {"optimizer.lr": "1e-3", "optimizer.betas": "[0.9, 0.99]", "data.noise": "0", "model": "{dim: 8}"}
    over = spaces.load("over:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items()))
    flags = spaces.load("", *(f"{key}={value}" for key, value in keys.items()))
    assert over.config == flags.config
    assert over.config.optimizer.betas == (0.9, 0.99)


def test_set_beats_over_beats_base(spaces):
    spaces.base = "optimizer: {lr: 1, weight_decay: 1}\nmodel: {dim: 1}"
    config = spaces.load("over: {optimizer.lr: 2, optimizer.weight_decay: 2}", "optimizer.lr=3").config
    assert (config.optimizer.lr, config.optimizer.weight_decay, config.model.dim) == (3, 2, 1)


def test_set_reaches_space_sections(spaces):
    space = spaces.load(
        "search: {seed: 1}", "search.seed=2", "asha.metric=val_cer", "resources={cpus_per_trial: 2}"
    ).space
    assert (space.search.seed, space.asha.metric, space.resources.cpus_per_trial) == (2, "val_cer", 2)


def test_early_stopping_off_unless_asked(spaces):
    spaces.base = "early_stopping: {enabled: true, patience: 3}"
    assert spaces.load("").config.early_stopping.model_dump() == {
        "enabled": False, "patience": 3, "min_delta": 0.0, "stop_epoch": None
    }  # fmt: skip
    assert spaces.load("over: {early_stopping.enabled: true}").config.early_stopping.enabled
    assert spaces.load("", "early_stopping={enabled: true}").config.early_stopping.enabled
    assert not spaces.load("over: {early_stopping.patience: 5}").config.early_stopping.enabled


def test_stop_epoch_of_base_is_ignored(spaces):
    """Another search's `stop_epoch` ends no trial."""
    spaces.base = "early_stopping: {enabled: false, stop_epoch: 5}"
    assert spaces.load("param_space: {}").config.early_stopping.stop_epoch is None
    assert spaces.load("over: {early_stopping.stop_epoch: 4}").config.early_stopping.stop_epoch == 4


def test_command_line_names_other_base(spaces, tmp_path):
    spaces.load(SPACE)
    (tmp_path / "other.yaml").write_text("model: {dropout: 0.5}")
    assert load_plan(tmp_path / "space.yaml", Path("other.yaml")).config.model.dropout == 0.5
    (tmp_path / "bare.yaml").write_text("param_space: {}")
    assert load_plan(tmp_path / "bare.yaml", tmp_path / "other.yaml").config.model.dropout == 0.5


def test_custom_parameters_can_be_searched(spaces):
    spaces.base = "model: {target: my.Model, width: 3}\ndata: {target: my.Data}"
    keys = {"model.width": "{choice: [1, 2]}", "model.depth": "{randint: [1, 5]}", "data.train": "{choice: [a, b]}"}
    plan = spaces.load("param_space:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items()))
    config = config_from_values(plan.trial_values(plan.settings(1), 1), "trial")
    assert {"width", "depth"} == set(config.model.parameters)
    assert config.data.parameters["train"] in ("a", "b")


def test_plan_survives_own_values(spaces, tmp_path):
    spaces.base = "data: {target: manifest, train: t.jsonl, val: v.jsonl}"
    plan = spaces.load(SPACE + "over: {optimizer.weight_decay: 0.5}\nasha: {max_t: 9}", "model.dropout=0.25")
    copy = from_values(plan.values(), plan.config.model_dump(), "copy")
    assert copy.values() == plan.values() and copy.config == plan.config
    assert [copy.settings(n) for n in range(20)] == [plan.settings(n) for n in range(20)]
    text = yaml.safe_dump({"space": plan.values(), "config": plan.config.model_dump()})
    read = strict_yaml.parse(text, "search.yaml").values
    again = from_values(read["space"], read["config"], "search.yaml")
    assert again.values() == plan.values() and again.config == plan.config and again.num_trials == plan.num_trials
