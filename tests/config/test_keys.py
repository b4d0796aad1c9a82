"""Facts of keys, from their sections and their own fields."""

from __future__ import annotations

import pytest

from tune_asr.config.key_facts import ENDS, PATH, RULER, SEARCHED, SECTION, UNITS, KeyFacts
from tune_asr.config.keys import facts, known_keys
from tune_asr.config.sections import Config

KEYS = [f"{section}.{key}" for section in Config.model_fields for key in known_keys(section)]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("text", SECTION),
        ("text.case", RULER),
        ("text.unit", UNITS),
        ("data.train", RULER),
        ("data.val.by", RULER),
        ("data.batch_size", SEARCHED),
        ("augment.noise_dir", PATH),
        ("early_stopping.patience", ENDS),
        ("optimizer.lr", None),
        ("seed", None),
    ],
)
def test_field_wins_over_section(key, reason):
    assert facts(key).not_searched is reason


def test_unknown_keys_share_their_section():
    assert facts("data.speaker").may_fail == "setting"
    assert facts("trainer.accelerator") == KeyFacts(may_fail="setting")
    assert facts("nowhere.x") == facts("seed.x") == KeyFacts()


def selected(**wanted: object) -> set[str]:
    return {key for key in KEYS for name, value in wanted.items() if getattr(facts(key), name) == value}


def test_paths():
    assert selected(is_path=True) == {"data.train", "data.val", "data.test", "augment.noise_dir", "model.init_from"}


def test_keys_of_other_data():
    assert selected(other_data=True) == {"data.max_seconds", "features.sample_rate"}
    assert selected(may_fail="data") == {"data.max_seconds", *(f"features.{key}" for key in known_keys("features"))}


def test_keys_the_encoder_is_not_built_with():
    assert selected(is_argument=False) == {"model.target", "model.init_from", "model.freeze_steps"}


def test_keys_fixed_on_resume():
    model = {f"model.{key}" for key in known_keys("model")} - {"model.dropout", "model.init_from"}
    optimizer = {f"optimizer.{key}" for key in known_keys("optimizer")}
    features = {"features.sample_rate", "features.num_mel_bins"}
    assert selected(fixed_on_resume=True) == model | optimizer | features | {"checkpoint.weights"}


def test_keys_that_define_weights():
    model = {f"model.{key}" for key in known_keys("model")} - {"model.dropout", "model.init_from", "model.freeze_steps"}
    assert selected(defines_weights=True) == model | {"features.sample_rate", "features.num_mel_bins"}
