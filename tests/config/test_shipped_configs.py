"""Shipped configurations are valid and together show every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tune_asr.config import strict_yaml
from tune_asr.config.keys import known_keys
from tune_asr.config.load import load_config
from tune_asr.config.schema import CustomTarget, OpenSection, Section
from tune_asr.config.sections import BUILT_IN, Config
from tune_asr.space.sections import SpaceFile

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configuration_loads(path):
    assert isinstance(load_config(path), Config)


def test_train_yaml_spells_out_defaults():
    assert load_config(CONFIGS / "train.yaml") == Config()


def test_shipped_configurations_show_every_key():
    shown = {keys[:2] for path in CONFIGS.glob("*.yaml") for keys in strict_yaml.read(path).lines}
    schema = {("seed",)} | {(section, key) for section in Config.model_fields for key in known_keys(section)}
    assert schema - shown == set()


def test_train_yaml_comments_every_key():
    lines = (CONFIGS / "train.yaml").read_text().splitlines()
    silent = {line.split(":")[0].strip() for line in lines if ":" in line and "#" not in line}
    # Sections, and keys whose name and value say it all.
    assert silent == {"data", "model", "optimizer", "checkpoint", "logging", "name", "enabled"}


def test_shipped_manifest_paths_are_relative():
    data = load_config(CONFIGS / "manifest.yaml").data
    assert data.train == str(CONFIGS.parent / "data" / "train.jsonl")


def test_noise_folder_relative_to_file(tmp_path):
    (tmp_path / "c.yaml").write_text("augment: {noise_dir: musan}")
    assert load_config(tmp_path / "c.yaml").augment.noise_dir == str(tmp_path / "musan")


def subclasses(cls: type) -> list[type]:
    return [cls, *(below for direct in cls.__subclasses__() for below in subclasses(direct))]


SECTIONS = subclasses(Section)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_schema_documents_every_key(section):
    keys = {name: field for name, field in section.model_fields.items() if field.annotation not in SECTIONS}
    assert [name for name, field in keys.items() if not field.description] == []
    assert section.model_config["frozen"] and section.model_config["strict"]
    assert (section.model_config["extra"] == "allow") == issubclass(section, OpenSection)


def test_schema_is_whole():
    """Tables of sections are complete."""
    assert set(BUILT_IN) == {"data", "model"}
    assert {Config, CustomTarget, SpaceFile} <= set(SECTIONS)
    assert all(known_keys(section) for section in Config.model_fields if section != "seed")
