"""Properties of a configuration under built-in and custom models."""

from __future__ import annotations

from pathlib import Path

from tune_asr.config.load import from_values

CUSTOM = {"model": {"target": "my.Model", "subsampling": 2, "init_from": "a.ckpt"}}


def test_properties_of_built_in_models():
    config = from_values({"model": {"subsampling": 2, "init_from": "/a.ckpt"}}, "c")
    assert (config.subsampling, config.initial_weights) == (2, Path("/a.ckpt"))
    assert from_values({}, "c").initial_weights is None


def test_properties_of_custom_models():
    config = from_values(CUSTOM, "c")
    assert (config.subsampling, config.initial_weights) == (None, None)
