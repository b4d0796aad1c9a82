"""Conditional keys: which trials have them, and under which encoder."""

from __future__ import annotations

import pytest

from tune_asr.config.load import from_values as config_from_values
from tune_asr.space.distributions import KINDS, parse
from tune_asr.space.plan import Plan, from_values

ENCODERS = """
param_space:
  model.target: {choice: [conv_ctc, bigru_ctc, conformer_ctc]}
  optimizer.lr: {loguniform: [1e-3, 1e-2]}
  model.dim: {choice: [96, 144]}
  model.kernel_size: {choice: [7, 11], when: {model.target: [conv_ctc, conformer_ctc]}}
  model.num_heads: {choice: [4, 8], when: {model.target: conformer_ctc}}
  model.ffn_dim: {choice: [128, 256], when: {model.num_heads: 8, model.kernel_size: 11}}
search: {num_samples: 300}
"""
OWN = {
    "conv_ctc": {"model.kernel_size"},
    "bigru_ctc": set(),
    "conformer_ctc": {"model.kernel_size", "model.num_heads"},
}


def drawn(plan: Plan) -> list[dict]:
    return [plan.settings(number) for number in range(plan.num_trials)]


def plan_of(param_space: dict, **search: object) -> Plan:
    return from_values({"param_space": param_space, "search": {"algorithm": "random", **search}}, {}, "plan")


def test_trials_have_keys_of_their_encoder(spaces):
    for settings in drawn(spaces.load(ENCODERS)):
        own = settings.keys() - {"model.target", "optimizer.lr", "model.dim", "model.ffn_dim"}
        assert own == OWN[settings["model.target"]]


def test_conditions_of_conditions_hold(spaces):
    """A key is on if the keys that it names are on, and all values fit."""
    found = drawn(spaces.load(ENCODERS))
    on = [s for s in found if s.get("model.num_heads") == 8 and s.get("model.kernel_size") == 11]
    assert 10 < len(on) < 60
    assert all(("model.ffn_dim" in settings) == (settings in on) for settings in found)


def test_conditions_change_no_values(spaces):
    """Values are those of the same space without conditions."""
    keys = {"scheduler.name": "{choice: [cosine, plateau]}", "scheduler.patience": "{randint: [1, 9]}"}
    text = "param_space:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items())
    free = spaces.load(text)
    bound = spaces.load(text.replace("[1, 9]}", "[1, 9], when: {scheduler.name: plateau}}"))
    for number in range(50):
        settings = free.settings(number)
        if settings["scheduler.name"] != "plateau":
            del settings["scheduler.patience"]
        assert bound.settings(number) == settings and bound.seed(number) == free.seed(number)


def test_order_in_file_is_free(spaces):
    """A key may stand before the key that it needs."""
    lines = ENCODERS.split("search:")[0].strip().splitlines()
    turned = "\n".join([lines[0], *reversed(lines[1:])])
    one, other = spaces.load(ENCODERS), spaces.load(turned)
    assert [one.settings(n) for n in range(50)] == [other.settings(n) for n in range(50)]


def test_every_trial_is_valid():
    plan = plan_of(
        {
            "model.target": {"choice": ["conformer_ctc", "bigru_ctc", "conv_ctc"]},
            "model.num_heads": {"choice": [2, 3], "when": {"model.target": "conformer_ctc"}},
            "model.kernel_size": {"choice": [3, 5], "when": {"model.target": ["conformer_ctc", "conv_ctc"]}},
        }
    )
    for settings in (plan.settings(number) for number in range(0, 1000, 10)):
        config = config_from_values(plan.trial_values(settings, 1), "trial")
        assert config.model.target == settings["model.target"]


def test_other_encoder_takes_written_keys(spaces):
    """Keys that the base writes hold under every encoder that has them; others have its defaults."""
    spaces.base = "model: {target: conv_ctc, kernel_size: 9, subsampling: 2}"
    plan = spaces.load("param_space: {model.target: {choice: [conv_ctc, bigru_ctc, conformer_ctc]}}")
    sections = {
        target: config_from_values(plan.trial_values({"model.target": target}, 1), "trial").model.model_dump()
        for target in OWN
    }
    assert {section["subsampling"] for section in sections.values()} == {2}
    assert {target: section["num_layers"] for target, section in sections.items()} == {
        "conv_ctc": 5, "bigru_ctc": 2, "conformer_ctc": 4
    }  # fmt: skip
    assert sections["conv_ctc"]["kernel_size"] == sections["conformer_ctc"]["kernel_size"] == 9
    assert "kernel_size" not in sections["bigru_ctc"]


def test_fixed_keys_hold_under_other_encoder(spaces):
    """`over` and `--set` count as written."""
    text = "over: {model.num_layers: 3}\nparam_space: {model.target: {choice: [conv_ctc, bigru_ctc]}}"
    plan = spaces.load(text, "model.dim=48")
    model = config_from_values(plan.trial_values({"model.target": "bigru_ctc"}, 1), "trial").model
    assert (model.num_layers, model.dim) == (3, 48)


def test_custom_class_takes_searched_keys_only(spaces):
    """The keys of a built-in encoder are none of its parameters."""
    spaces.base = "model: {dim: 48}"
    keys = "model.target: {choice: [conv_ctc, my.Model]}, model.width: {choice: [3], when: {model.target: my.Model}}"
    plan = spaces.load(f"param_space: {{{keys}}}")
    values = plan.trial_values({"model.target": "my.Model", "model.width": 3}, 1)
    assert values["model"] == {"target": "my.Model", "width": 3}
    assert plan.has_custom_model({"model.target": "my.Model"}) and not plan.has_custom_model({})


def test_values_are_whole_under_each_encoder(spaces):
    """Values hold every key, so a rerun needs no defaults."""
    plan = spaces.load("param_space: {model.target: {choice: [conv_ctc, bigru_ctc]}}")
    for target in ("conv_ctc", "bigru_ctc"):
        values = plan.trial_values({"model.target": target}, 1)
        assert config_from_values(values, "trial").model_dump() == {
            **values, "optimizer": {**values["optimizer"], "betas": (0.9, 0.98)}
        }  # fmt: skip


def test_branching_plan_survives_own_values(spaces):
    spaces.base = "model: {num_layers: 3, subsampling: 2}"
    plan = spaces.load(ENCODERS)
    copy = from_values(plan.values(), plan.base_values(), "search.yaml")
    for number in range(20):
        settings = plan.settings(number)
        assert copy.settings(number) == settings
        assert copy.trial_values(settings, 1) == plan.trial_values(settings, 1)


def test_grid_counts_combinations_once():
    """Combinations that differ only in keys that are off are one."""
    grids = {
        "model.target": {"grid_search": ["conv_ctc", "bigru_ctc", "conformer_ctc"]},
        "model.kernel_size": {"grid_search": [7, 11], "when": {"model.target": ["conv_ctc", "conformer_ctc"]}},
        "model.num_heads": {"grid_search": [2, 4, 8], "when": {"model.target": "conformer_ctc"}},
    }
    plan = plan_of(grids, algorithm="grid", num_samples=2)
    found = [tuple(settings.items()) for settings in drawn(plan)]
    assert plan.num_trials == 2 * (2 + 1 + 6) and len(set(found)) == 9
    assert found[:9] == found[9:]


def test_grid_below_drawn_key_keeps_combinations():
    keys = {
        "model.target": {"choice": ["conv_ctc", "conformer_ctc"]},
        "model.num_heads": {"grid_search": [2, 4, 8], "when": {"model.target": "conformer_ctc"}},
    }
    plan = plan_of(keys, num_samples=20)
    assert plan.num_trials == 60
    assert {settings.get("model.num_heads") for settings in drawn(plan)} == {None, 2, 4, 8}


def test_condition_on_fixed_key_may_hold(spaces):
    """A condition on a key that is set, not searched, always holds or is refused."""
    spaces.base = "scheduler: {name: plateau}"
    plan = spaces.load("param_space: {scheduler.patience: {choice: [1, 2], when: {scheduler.name: [plateau, noam]}}}")
    assert all("scheduler.patience" in plan.settings(number) for number in range(10))


def test_condition_on_default_of_encoder():
    """A key that is not searched has each encoder's own value."""
    plan = plan_of(
        {
            "model.target": {"choice": ["conv_ctc", "bigru_ctc", "conformer_ctc"]},
            "model.dropout": {"choice": [0.2, 0.3], "when": {"model.num_layers": [2, 4]}},
        }
    )
    assert all(("model.dropout" in s) == (s["model.target"] != "conv_ctc") for s in drawn(plan))


def test_priors_hold_beside_conditions():
    """`around`, `confidence` and `when` stand beside one distribution."""
    when = {"when": {"model.target": "conv_ctc"}}
    prior = {"loguniform": [1e-4, 1e-1], "around": 1e-2, "confidence": "high"}
    plan = plan_of({"model.target": {"choice": ["conv_ctc", "bigru_ctc"]}, "optimizer.lr": {**prior, **when}})
    rates = [settings["optimizer.lr"] for settings in drawn(plan) if "optimizer.lr" in settings]
    assert 0 < len(rates) < plan.num_trials
    assert all(2e-3 < rate < 5e-2 for rate in rates)


def test_values_of_a_key_over_all_trials():
    plan = plan_of(
        {
            "model.target": {"choice": ["conv_ctc", "bigru_ctc"]},
            "model.subsampling": {"choice": [1, 2], "when": {"model.target": "bigru_ctc"}},
            "model.dim": {"choice": [8, 16]},
        }
    )
    assert sorted(plan.branches.values("model.subsampling")) == [1, 2, 4]
    assert plan.branches.values("model.dim") == [8, 16]
    assert plan.branches.values("model.num_layers") == [5, 2]
    assert [values["model"]["target"] for values in plan.branches.examples()] == ["conv_ctc", "bigru_ctc"]


@pytest.mark.parametrize(
    ("distribution", "taken", "never"),
    [
        ({"choice": [1, True, "a", None, [1, 2]]}, [1, 1.0, True, "a", None, [1, 2]], [False, 2, "b", [1]]),
        ({"choice": [True]}, [True], [1, "true"]),
        ({"randint": [2, 5]}, [2, 4, 4.0], [1, 5, 2.5, "3", True]),
        ({"quniform": [0.1, 0.5, 0.1]}, [0.1, 0.3, 0.5], [0.25, 0.6]),
        ({"uniform": [0, 1]}, [], [0.5]),
        ({"lograndint": [1, 9]}, [8], [9]),
    ],
)
def test_distribution_takes_values(distribution, taken, never):
    parsed = parse(distribution)
    assert parsed.kind in KINDS
    assert [value for value in taken if not parsed.takes(value)] == []
    assert [value for value in never if parsed.takes(value)] == []
