"""Shipped search spaces and the README's examples are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tune_asr.config.load import from_values
from tune_asr.config.overrides import parse_assignments
from tune_asr.space.distributions import KINDS
from tune_asr.space.plan import Plan, load_plan
from tune_asr.space.sections import AshaSection, ResourcesSection, SearchSection

SPACES = Path(__file__).parents[2] / "search_spaces"
GRAMMAR = (SPACES / "README.md").read_text()
EXAMPLES = [
    re.sub(r"^    ", "", block, flags=re.M)
    for block in re.findall(r"(?:^    config:.*\n)(?:^    .*\n)+", GRAMMAR, re.M)
]


def check_every_trial(plan: Plan) -> None:
    for number in range(min(plan.num_trials, 100)):
        from_values(plan.trial_values(plan.settings(number), plan.seed(number)), "trial")


@pytest.mark.parametrize("path", sorted(SPACES.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_space_trials_are_valid(path):
    check_every_trial(load_plan(path))


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_trials_are_valid(text, tmp_path):
    """Paths of an example are relative to `search_spaces/`."""
    path = tmp_path / "search_spaces" / "example.yaml"
    path.parent.mkdir()
    path.write_text(text)
    (tmp_path / "configs").symlink_to(SPACES.parent / "configs")
    check_every_trial(load_plan(path))


def test_readme_names_every_key():
    assert len(EXAMPLES) == 6
    assert all(f"`{kind}: [" in GRAMMAR for kind in KINDS)
    for section in (SearchSection, AshaSection, ResourcesSection):
        assert all(f"| `{key}` |" in GRAMMAR for key in section.model_fields)


def test_examples_have_stated_trial_counts(tmp_path):
    (tmp_path / "configs").symlink_to(SPACES.parent / "configs")
    (tmp_path / "search_spaces").mkdir()
    counts = []
    for number, text in enumerate(EXAMPLES):
        path = tmp_path / "search_spaces" / f"{number}.yaml"
        path.write_text(text)
        counts.append(load_plan(path).num_trials)
    assert counts[:5] == [16, 15, 16, 16, 16]
    assert "15 trials:" in GRAMMAR and "16 trials:" in GRAMMAR


def test_first_search_covers_learning_rates():
    """Learning rates span two and a half decades."""
    plan = load_plan(SPACES / "lr.yaml")
    assert plan.num_trials == 16 and plan.max_t == plan.config.trainer.max_epochs
    rates = sorted(plan.settings(number)["optimizer.lr"] for number in range(16))
    assert rates[0] < 5e-4 and rates[-1] > 5e-3


def test_models_space_has_keys_of_each_encoder():
    """On recordings and on synthetic speech, with the base as trial 00000."""
    own = {"model.kernel_size", "model.num_heads", "model.ffn_dim", "trainer.gradient_clip_val"}
    expected = {
        "conv_ctc": {"model.kernel_size"},
        "bigru_ctc": {"trainer.gradient_clip_val"},
        "conformer_ctc": own - {"trainer.gradient_clip_val"},
    }
    for base in (None, SPACES.parent / "configs" / "train.yaml"):
        plan = load_plan(SPACES / "models.yaml", base)
        drawn = [plan.settings(number) for number in range(plan.num_trials)]
        found = {(settings["model.target"], frozenset(settings.keys() & own)) for settings in drawn}
        assert found == {(target, frozenset(keys)) for target, keys in expected.items()}
        assert plan.is_base(0) and plan.trial_values(drawn[0], 1) == plan.config.model_dump() | {"seed": 1}


def test_conditions_of_readme_are_valid(tmp_path):
    section = GRAMMAR.split("### `when`")[1].split("###")[0]
    lines = [line.removeprefix("    ") for line in section.splitlines() if line.startswith("    ")]
    path = tmp_path / "space.yaml"
    path.write_text("\n".join(["config: base.yaml", *lines]))
    (tmp_path / "base.yaml").write_text("{}")
    plan = load_plan(path)
    assert len(plan.conditions.needs) == 3
    check_every_trial(plan)


def test_full_space_takes_horizon_flag():
    flags = parse_assignments(["search.num_samples=16", "trainer.max_epochs=27", "asha.max_t=27"])
    plan = load_plan(SPACES / "full.yaml", None, flags)
    asha = plan.space.asha
    assert (plan.num_trials, plan.max_t, asha.grace_period, asha.reduction_factor) == (16, 27, 3, 2)
    assert len(plan.distributions) == 12


def test_full_space_settings_are_bounded():
    """Output frames of 40 ms hold 25 characters per second.

    People speak more slowly.
    """
    plan = load_plan(SPACES / "full.yaml")
    assert max(plan.distributions["model.subsampling"].probes) <= 4
    assert max(plan.distributions["model.dim"].probes) <= 192
    assert max(plan.distributions["model.num_layers"].probes) <= 6
