"""Weights to start from: another training's checkpoint, or an exported recogniser's safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tune_asr.config.keys import facts, known_keys
from tune_asr.config.scalars import shown
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.training.checkpoints import hyper_parameters, load_checkpoint
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.module import SimpleCTCModule, encoder_arguments

OUTPUT = ("encoder.output.weight", "encoder.output.bias")
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Donor:
    """Weights to start from.

    Attributes:
        path: where they were read.
        weights: by the names they have in `SimpleCTCModule`.
        vocab: symbols by id.
        settings: dotted key -> value, as far as the file says what the weights were trained with.
    """

    path: Path
    weights: Mapping[str, Tensor]
    vocab: Sequence[str]
    settings: Mapping[str, Any]


def check_initial(config: Config) -> None:
    """Make sure that `model.init_from`, where it is given, is a recogniser that the configuration's model can take.

    Raises:
        ConfigError: there is no such file, it is damaged, it holds no recogniser, or one that differs in settings or
            shapes.
    """
    if isinstance(config.model, CustomTarget) or config.model.init_from is None:
        return
    model = config.model.model_dump()
    encoder = ENCODERS[model["target"]](config.features.num_mel_bins, 2, **encoder_arguments(model))
    shapes = {f"encoder.{name}": tuple(value.shape) for name, value in encoder.state_dict().items()}
    _check_fits(read_donor(Path(config.model.init_from)), _settings(model, config.features.model_dump()), shapes)


def initialise(module: SimpleCTCModule, config: Config) -> None:
    """Give a new module the weights of `model.init_from`; where that is null, nothing happens.

    The rows of the output layer follow their symbols: what the old vocabulary has too is taken over, the rest stays as
    it was drawn.

    Raises:
        ConfigError: see `check_initial`.
    """
    if isinstance(config.model, CustomTarget) or config.model.init_from is None:
        return
    donor, own = read_donor(Path(config.model.init_from)), module.state_dict()
    settings = _settings(config.model.model_dump(), config.features.model_dump())
    _check_fits(donor, settings, {name: tuple(value.shape) for name, value in own.items()})
    symbols = {symbol: row for row, symbol in enumerate(donor.vocab)}
    with torch.no_grad():
        for name in own:
            if name not in OUTPUT:
                own[name].copy_(donor.weights[name])
        for row, symbol in enumerate(module.vocab):
            if symbol in symbols:
                for name in OUTPUT:
                    own[name][row] = donor.weights[name][symbols[symbol]]


def _check_fits(donor: Donor, settings: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Name the settings that differ; where none does, or the file says none, the shapes."""
    problems = [
        f"{key} is {shown(value)} there and {shown(settings[key]) if key in settings else 'absent'} here"
        for key, value in donor.settings.items()
        if settings.get(key) != value
    ]
    # The output layer has a row for each symbol, and symbols may differ.
    theirs = {name: tuple(value.shape)[name in OUTPUT :] for name, value in donor.weights.items()}
    own = {name: shape[name in OUTPUT :] for name, shape in shapes.items()}
    problems = problems or [
        f"{name} is {theirs.get(name, 'absent')} there and {own.get(name, 'absent')} here"
        for name in dict.fromkeys((*own, *theirs))
        if theirs.get(name) != own.get(name)
    ]
    if problems:
        more = f", and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise ConfigError(
            f"model.init_from: {donor.path}: {'; '.join(problems[:SHOWN])}{more}: give the sections model and features "
            "the values that those weights were trained with"
        )


def _settings(model: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, Any]:
    """What decides what weights mean, though shapes may be the same: a head's width, the rate of the frames."""
    settings = {f"model.{key}": value for key, value in model.items()}
    settings |= {f"features.{key}": features[key] for key in known_keys("features") if key in features}
    return {key: value for key, value in settings.items() if facts(key).defines_weights}


def read_donor(path: Path) -> Donor:
    """Read a checkpoint of ours, a safetensors file, or a bundle's folder.

    Raises:
        ConfigError: see `check_initial`.
    """
    if path.is_dir():
        path = path / "model.safetensors"
    if path.suffix == ".safetensors":
        donor = _safetensors(path)
    else:
        try:
            content = load_checkpoint(path)
        except (ConfigError, StorageError) as error:  # another file can be named: no folder of ours is at fault
            (problem,) = error.problems
            raise ConfigError(Problem("model.init_from", problem.what, problem.hint)) from error
        weights = content.get("state_dict", {}) if isinstance(content, dict) else {}
        known = hyper_parameters(content) if weights else {}
        model = known.get("model")
        settings = _settings(model, known) if isinstance(model, Mapping) else {}
        donor = Donor(path, weights, known.get("vocab", ()), settings)
    if any(name not in donor.weights for name in OUTPUT) or len(donor.vocab) != len(donor.weights[OUTPUT[1]]):
        raise ConfigError(
            f"model.init_from: {path} holds no built-in model: give a checkpoint of one, of train or search"
        )
    return donor


def _safetensors(path: Path) -> Donor:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise ConfigError(f"model.init_from: {path}: `pip install safetensors` to read it") from None
    beside = path.with_name("config.json")
    try:
        known = json.loads(beside.read_text(encoding="utf-8"))
        settings = _settings(known.get("model", {}), known.get("features", {}))
        return Donor(path, load_file(path), known["vocabulary"], settings)
    except Exception as error:  # safetensors raises its own kind, json and the file system theirs
        raise ConfigError(
            f"model.init_from: {path}, whose vocabulary stands in {beside.name} beside it, cannot be read: {error}"
        ) from error
