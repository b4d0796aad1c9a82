"""Initial weights from a checkpoint or an exported recogniser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tune_asr.config.keys import facts, known_keys
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.training.checkpoints import hyper_parameters, load_checkpoint
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.module import SimpleCTCModule, encoder_arguments
from tune_asr.training.settings import Settings
from tune_asr.wording import first_line

OUTPUT = ("encoder.output.weight", "encoder.output.bias")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Donor:
    """Weights to start from."""

    path: Path
    """File with the weights."""
    weights: Mapping[str, Tensor]
    """Weights by their names in `SimpleCTCModule`."""
    vocab: Sequence[str]
    """Symbols by id."""
    settings: Settings
    """Settings of their training, as far as the file has them."""


def check_initial(config: Config) -> None:
    """Check that the weights of `model.init_from` fit the model.

    Raises:
        ConfigError: there is no such file, it is damaged, it holds no recogniser, or one with other settings or shapes.
    """
    if config.initial_weights is None:
        return
    model = config.model.model_dump()
    encoder = ENCODERS[model["target"]](config.features.num_mel_bins, 2, **encoder_arguments(model))
    shapes = {f"encoder.{name}": tuple(value.shape) for name, value in encoder.state_dict().items()}
    settings = _settings(model, config.features.model_dump())
    _check_fits(read_donor(config.initial_weights), settings, shapes)


def initialise(module: SimpleCTCModule, config: Config) -> None:
    """Copy the weights of `model.init_from` into a new module.

    The rows of the output layer follow their symbols: symbols of the old vocabulary get their old rows, all others keep
    their random ones.

    Raises:
        ConfigError: see `check_initial`.
    """
    if config.initial_weights is None:
        return
    donor, own = read_donor(config.initial_weights), module.state_dict()
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


def _check_fits(donor: Donor, settings: Settings, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse other settings, or else other shapes."""
    # The output layer has a row for each symbol, and symbols may differ.
    theirs = Settings({name: tuple(value.shape)[name in OUTPUT :] for name, value in donor.weights.items()})
    own = Settings({name: shape[name in OUTPUT :] for name, shape in shapes.items()})
    differences = [
        donor.settings.difference(settings, key) for key, value in donor.settings.items() if settings.get(key) != value
    ] or [theirs.difference(own, name) for name in {**own, **theirs} if theirs.get(name) != own.get(name)]
    if differences:
        more = f", and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise ConfigError(
            f"model.init_from: {donor.path}: {'; '.join(differences[:_SHOWN])}{more}",
            hint="Give the sections model and features the values under which those weights were trained.",
        )


def _settings(model: Mapping[str, object], features: Mapping[str, object]) -> Settings:
    """Return the settings that give weights their meaning.

    Weights of one shape may differ in it, for example in the number of heads.
    """
    settings = Settings()
    settings.add("model", model)
    settings.add("features", features, known_keys("features"))
    return Settings({key: value for key, value in settings.items() if facts(key).defines_weights})


def read_donor(path: Path) -> Donor:
    """Read a checkpoint, a safetensors file or a bundle.

    Raises:
        ConfigError: see `check_initial`.
    """
    if path.is_dir():
        path = path / "model.safetensors"
    donor = _safetensors(path) if path.suffix == ".safetensors" else _checkpoint(path)
    if any(name not in donor.weights for name in OUTPUT) or len(donor.vocab) != len(donor.weights[OUTPUT[1]]):
        raise ConfigError(
            f"model.init_from: {path} holds no built-in model", hint="Give a checkpoint of one, of train or of search."
        )
    return donor


def _checkpoint(path: Path) -> Donor:
    try:
        content = load_checkpoint(path)
    except (ConfigError, StorageError) as error:  # another file can be named: no folder of ours is at fault
        (problem,) = error.problems
        raise ConfigError(Problem("model.init_from", problem.what, problem.hint)) from error
    weights = content.get("state_dict", {}) if isinstance(content, dict) else {}
    known = hyper_parameters(content) if weights else {}
    model = known.get("model")
    settings = _settings(model, known) if isinstance(model, Mapping) else Settings()
    return Donor(path, weights, known.get("vocab", ()), settings)


def _safetensors(path: Path) -> Donor:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise ConfigError(
            f"model.init_from: {path}: this file needs safetensors", hint="Run `pip install safetensors`."
        ) from None
    beside = path.with_name("config.json")
    try:
        known = json.loads(beside.read_text(encoding="utf-8"))
        settings = _settings(known.get("model", {}), known.get("features", {}))
        return Donor(path, load_file(path), known["vocabulary"], settings)
    except Exception as error:  # safetensors raises its own kind, json and the file system theirs
        what = f"{path}, with its vocabulary in {beside.name} beside it, cannot be read: {first_line(error)}"
        raise ConfigError(f"model.init_from: {what}") from error
