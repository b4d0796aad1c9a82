"""What config.json and the metadata of model.onnx say of a recogniser."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from tune_asr import __version__
from tune_asr.config.keys import facts
from tune_asr.config.schema import CustomTarget
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import Score
from tune_asr.training.data import TrainingData

PROBE_FRAMES = 1600
"""Long enough that the feature frames to one output frame come out whole."""


def describe(recorded: Recorded, data: TrainingData) -> dict[str, Any]:
    """What is known before anything is measured. What names paths of this machine is left out."""
    config = recorded.config.model_dump(mode="json")
    initial = recorded.config.initial_weights
    for name in ("data", "augment", "model"):
        config[name] = _public(name, config[name])
    if isinstance(recorded.config.data, CustomTarget):
        config["data"] = {"target": recorded.config.data.target}  # any of its parameters may name a file
    training = ("data", "text", "optimizer", "scheduler", "augment", "trainer", "precision")
    return {
        "source": recorded.name,
        "features": config["features"],
        "vocabulary": list(recorded.vocab or data.vocab),
        "blank_id": data.blank_id,
        "normaliser": recorded.config.text.normaliser(),
        "model": config["model"],
        "initial_weights": initial and {"file": initial.name, "sha256": recorded.initial_sha256},
        "seed": config["seed"],
        "training": {name: config[name] for name in training},
        "epoch": recorded.report["epoch"],
        "averaged_epochs": list(recorded.averaged_epochs),
        "weights": config["checkpoint"]["weights"],
        "data_fingerprint": recorded.fingerprint,
        "versions": {"tune_asr": __version__, **{name: version(name) for name in ("torch", "onnx", "onnxruntime")}},
    }


def _public(name: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the keys that name files of this machine, and others that have no place in a model card."""
    known = {key: facts(f"{name}.{key}") for key in section}
    return {
        key: value
        for key, value in section.items()
        if known[key].in_cards is not False and (not known[key].is_path or isinstance(value, dict))
    }


def subsampling(encoder: nn.Module, num_mel_bins: int) -> int:
    """Feature frames to one output frame of an encoder."""
    with torch.inference_mode():
        _, lengths = encoder(torch.zeros(1, PROBE_FRAMES, num_mel_bins), torch.tensor([PROBE_FRAMES]))
    return round(PROBE_FRAMES / int(lengths))


def metadata(known: Mapping[str, Any]) -> dict[str, str]:
    """What model.onnx says of itself, beside what every `zipformer_ctc` says."""
    return {
        "vocab_size": str(len(known["vocabulary"])),
        "subsampling_factor": str(known["subsampling"]),
        "sample_rate": str(known["features"]["sample_rate"]),
        "num_mel_bins": str(known["features"]["num_mel_bins"]),
    }


def result(found: Score) -> dict[str, Any]:
    """A score as config.json has it; rates are fractions."""
    counts = found.counts
    return {
        "utterances": found.num_utterances,
        "words": counts.words,
        "substitutions": counts.substitutions,
        "deletions": counts.deletions,
        "insertions": counts.insertions,
        "wer": counts.wer,
        "cer": counts.cer,
        "interval": {"of": found.metric.lower(), "low": found.low, "high": found.high},
    }
