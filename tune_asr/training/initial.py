"""Weights to start from: another training's checkpoint, or an exported recogniser's safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError
from tune_asr.training.checkpoints import load_checkpoint
from tune_asr.training.module import SimpleCTCModule

OUTPUT = ("encoder.output.weight", "encoder.output.bias")
SHOWN = 5


def initialise(module: SimpleCTCModule, config: Config) -> None:
    """Give a new module the weights of `model.init_from`; where that is null, nothing happens.

    The rows of the output layer follow their symbols: what the old vocabulary has too is taken over, the rest stays as
    it was drawn.

    Raises:
        ConfigError: there is no such file, it holds no recogniser, or its encoder has other shapes, which are named.
        StorageError: the checkpoint is damaged.
    """
    if isinstance(config.model, CustomTarget) or config.model.init_from is None:
        return
    path = Path(config.model.init_from)
    weights, vocab = read_weights(path)
    own = module.state_dict()
    body = [name for name in own if name not in OUTPUT]
    theirs = {name: tuple(weights[name].shape) for name in weights if name not in OUTPUT}
    problems = [
        f"{name} is {theirs.get(name, 'absent')} there and {tuple(own[name].shape) if name in own else 'absent'} here"
        for name in dict.fromkeys((*body, *theirs))
        if name not in own or theirs.get(name) != tuple(own[name].shape)
    ]
    width = weights[OUTPUT[0]].shape[1:]
    if not problems and width != own[OUTPUT[0]].shape[1:]:
        problems = [f"{OUTPUT[0]} takes {tuple(width)} there and {tuple(own[OUTPUT[0]].shape[1:])} here"]
    if problems:
        more = f", and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise ConfigError(
            f"model.init_from: {path}: {'; '.join(problems[:SHOWN])}{more}: give the section model, and "
            "features.num_mel_bins, the values that those weights were trained with"
        )
    symbols = {symbol: row for row, symbol in enumerate(vocab)}
    with torch.no_grad():
        for name in body:
            own[name].copy_(weights[name])
        for row, symbol in enumerate(module.vocab):
            if symbol in symbols:
                for name in OUTPUT:
                    own[name][row] = weights[name][symbols[symbol]]


def read_weights(path: Path) -> tuple[Mapping[str, Tensor], Sequence[str]]:
    """The weights of a recogniser, by the names they have in `SimpleCTCModule`, and its symbols by id.

    Raises:
        ConfigError: see `initialise`.
        StorageError: likewise.
    """
    if path.suffix == ".safetensors":
        weights, vocab = _safetensors(path)
    else:
        content = load_checkpoint(path)
        weights = content.get("state_dict", {}) if isinstance(content, dict) else {}
        vocab = content.get("hyper_parameters", {}).get("vocab", ()) if weights else ()
    if any(name not in weights for name in OUTPUT) or len(vocab) != len(weights[OUTPUT[1]]):
        raise ConfigError(f"model.init_from: {path} holds no recogniser of ours: give a checkpoint of train or search")
    return weights, vocab


def _safetensors(path: Path) -> tuple[Mapping[str, Tensor], Sequence[str]]:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise ConfigError(f"model.init_from: {path}: `pip install safetensors` to read it") from None
    beside = path.with_name("config.json")
    try:
        return load_file(path), json.loads(beside.read_text(encoding="utf-8"))["vocabulary"]
    except Exception as error:  # safetensors raises its own kind, json and the file system theirs
        raise ConfigError(
            f"model.init_from: {path}, whose vocabulary stands in {beside.name} beside it, cannot be read: {error}"
        ) from error
