"""Files without `text.rules` follow the rules of release 0.1.0, except a person's own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tune_asr.config.load import from_values, load_config
from tune_asr.config.overrides import Override
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError
from tune_asr.inference.seal import verify
from tune_asr.record.search_yaml import dump_yaml, read_description, read_search_yaml
from tune_asr.training.checkpoints import load_checkpoint

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "tests" / "assets"
FOLDERS = ["results-0.1.0", "interrupted-0.1.0"]


def rules_of(path: Path) -> int:
    return load_config(path).text.rules


@pytest.mark.parametrize("folder", FOLDERS)
def test_best_yaml_of_0_1_0(folder):
    assert rules_of(ASSETS / folder / "best.yaml") == 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_copied_and_edited_best_yaml(folder, tmp_path):
    """Neither its folder, nor a comment, nor a changed value makes it a configuration of today."""
    text = (ASSETS / folder / "best.yaml").read_text()
    copy = tmp_path / "mine.yaml"
    copy.write_text("# the best so far\n" + text.replace("batch_size: 4", "batch_size: 8 # more"))
    assert load_config(copy).data.batch_size == 8
    assert rules_of(copy) == 1


def test_best_yaml_as_a_base(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(f"base: {ASSETS / 'results-0.1.0' / 'best.yaml'}\nmodel: {{dim: 8}}")
    assert rules_of(own) == 1
    own.write_text(own.read_text() + "\ntext: {rules: 2}")
    assert rules_of(own) == 2


def test_best_yaml_of_custom_classes(tmp_path):
    values = Config().model_dump()
    del values["text"]["rules"]
    values |= {"data": {"target": "own.Data", "size": 3}, "model": {"target": "own.Model"}}
    values["early_stopping"]["enabled"] = False
    (tmp_path / "best.yaml").write_bytes(dump_yaml(values))
    assert rules_of(tmp_path / "best.yaml") == 1


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_own_configuration_follows_rules_2(path, tmp_path):
    """Every key of a shipped file, dumped by a program without comments, is still a person's own."""
    values = yaml.safe_load(path.read_text())
    values.get("text", {}).pop("rules", None)
    values.setdefault("early_stopping", {})["enabled"] = False
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    assert rules_of(tmp_path / "own.yaml") == 2


def test_given_rules_win(tmp_path):
    (tmp_path / "own.yaml").write_text("text: {rules: 1}")
    assert rules_of(tmp_path / "own.yaml") == 1
    override = Override("text.rules", 2, "--set", tmp_path)
    assert load_config(ASSETS / "results-0.1.0" / "best.yaml", [override]).text.rules == 2


@pytest.mark.parametrize("rules", [0, 3, "two", True, 1.5])
def test_other_rules_are_refused(rules):
    with pytest.raises(ConfigError, match=r"text\.rules: is .*, but must be (1 or 2|a whole number)"):
        from_values({"text": {"rules": rules}}, "own.yaml")


@pytest.mark.parametrize("folder", FOLDERS)
def test_search_yaml_of_0_1_0(folder):
    path = ASSETS / folder / "search.yaml"
    assert read_search_yaml(path)["config"]["text"]["rules"] == 1
    assert read_description(path).plan.config.text.rules == 1


def test_search_yaml_without_section(tmp_path):
    values = yaml.safe_load((ASSETS / FOLDERS[0] / "search.yaml").read_text())
    values["config"]["text"] = None
    (tmp_path / "search.yaml").write_bytes(dump_yaml(values))
    assert read_description(tmp_path / "search.yaml").plan.config.text.rules == 1


@pytest.mark.parametrize("name", ["checkpoint-0.1.0.ckpt", "results-0.1.0/best.ckpt"])
def test_checkpoint_of_0_1_0(name):
    assert load_checkpoint(ASSETS / name)["origin"]["config"]["text"]["rules"] == 1


def test_bundle_of_0_1_0():
    assert verify(ASSETS / "bundle-0.1.0").blueprint.normaliser["rules"] == 1
