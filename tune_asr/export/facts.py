"""Facts about an exported recogniser: config.json, metadata of model.onnx."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

import torch
from torch import nn

from tune_asr import __version__
from tune_asr.config.key_paths import is_hold_out
from tune_asr.config.keys import facts
from tune_asr.config.sections import Config
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import Score
from tune_asr.export.test_set import TestScore
from tune_asr.inference.seal import Blueprint, Json, Settings
from tune_asr.training.data import TrainingData

PROBE_FRAMES = 1600
"""Number of feature frames that every subsampling divides."""
TRAINING = ("data", "text", "optimizer", "scheduler", "augment", "trainer", "precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts in a bundle."""

    recorded: Recorded
    blueprint: Blueprint
    training: Mapping[str, Settings]
    """Sections of the configuration that concern the training alone, by name."""
    subsampling: int
    """Feature frames per output frame."""
    validation: Score
    test: TestScore | None
    checks: tuple[str, ...]
    """One sentence for each comparison."""

    @property
    def scores(self) -> dict[str, Score]:
        """Scores by the name of their set."""
        return {"validation": self.validation} | ({"test": self.test.score} if self.test else {})

    def as_json(self) -> Settings:
        """Return the content of config.json, without hashes."""
        recorded, blueprint, initial = self.recorded, self.blueprint, self.recorded.config.initial_weights
        packages = ("torch", "onnx", "onnxruntime")
        test: Settings = {}
        if self.test:
            test = {
                "test_fingerprint": self.test.fingerprint,
                "test_recordings_seen": self.test.num_seen,
                "test_rows_dropped": self.test.num_dropped,
            }
        return {
            "source": recorded.name,
            "features": blueprint.features,
            "vocabulary": blueprint.vocabulary,
            "blank_id": blueprint.blank_id,
            "normaliser": blueprint.normaliser,
            "model": blueprint.model,
            "initial_weights": {"file": initial.name, "sha256": recorded.initial_sha256} if initial else None,
            "seed": recorded.config.seed,
            "training": self.training,
            "epoch": recorded.figures.epoch,
            "averaged_epochs": list(recorded.averaged_epochs),
            "weights": recorded.config.checkpoint.weights,
            "data_fingerprint": recorded.fingerprint,
            "versions": {"tune_asr": __version__, **{package: version(package) for package in packages}},
            "subsampling": self.subsampling,
            **test,
            "results": {name: _result(score) for name, score in self.scores.items()},
        }


def blueprint_of(recorded: Recorded, data: TrainingData) -> Blueprint:
    """Take the settings and symbols of the record.

    Symbols are those of the data if the record has none.
    """
    return Blueprint(
        model=_public(recorded.config, "model"),
        features=_public(recorded.config, "features"),
        normaliser=cast("Settings", recorded.config.text.normaliser()),
        vocabulary=list(recorded.vocab or data.vocab),
        blank_id=data.blank_id,
    )


def training_settings(config: Config) -> dict[str, Settings]:
    """Return the sections about training, without paths."""
    return {name: _public(config, name) for name in TRAINING}


def _public(config: Config, name: str) -> Settings:
    """Return a section without keys unfit for cards.

    Those are paths of this machine, and keys that declare it.
    """
    section = getattr(config, name)
    if name == "data" and name in config.custom_sections:
        return {"target": section.target}  # any of its parameters may name a file
    values: dict[str, Json] = section.model_dump(mode="json")
    known = {key: facts(f"{name}.{key}") for key in values}
    return {
        key: value
        for key, value in values.items()
        if known[key].in_cards is not False and (not known[key].is_path or is_hold_out(value))
    }


def subsampling(encoder: nn.Module, num_mel_bins: int) -> int:
    """Count the feature frames per output frame of an encoder."""
    with torch.inference_mode():
        _, lengths = encoder(torch.zeros(1, PROBE_FRAMES, num_mel_bins), torch.tensor([PROBE_FRAMES]))
    return round(PROBE_FRAMES / int(lengths))


def metadata(config: Config, num_symbols: int, subsampling: int) -> dict[str, str]:
    """Return the metadata of model.onnx beyond those of every `zipformer_ctc`."""
    return {
        "vocab_size": str(num_symbols),
        "subsampling_factor": str(subsampling),
        "sample_rate": str(config.features.sample_rate),
        "num_mel_bins": str(config.features.num_mel_bins),
    }


def _result(score: Score) -> Settings:
    counts = score.counts
    return {
        "utterances": score.num_utterances,
        "words": counts.words,
        "substitutions": counts.substitutions,
        "deletions": counts.deletions,
        "insertions": counts.insertions,
        "wer": counts.wer,
        "cer": counts.cer,
        "interval": {"of": score.name.lower(), "low": score.low, "high": score.high},
    }
