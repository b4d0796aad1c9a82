"""Number of parameters of configurations, without a training.

    python -m tune_asr.training.size < request.json

A search asks in a process of its own, because its driver never loads torch. The request has `configs`, a list of whole
configurations, and `vocab`, the symbols of built-in data or null. The answer is a list of numbers, with null for a
configuration that cannot be built.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import lightning.pytorch as pl
import torch

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.errors import TuneAsrError
from tune_asr.training.data import TrainingData, load_data
from tune_asr.training.prepare import build_module
from tune_asr.training.targets import custom


def num_parameters(config: Config, vocab: Sequence[str] | None) -> int:
    """Return the number of parameters of a configuration's module.

    Built-in encoders take no memory for them.

    Args:
        config: checked configuration.
        vocab: symbols by id; None: those of its custom data.

    Raises:
        TuneAsrError: a custom class cannot be imported or built.
    """
    data = load_data(config) if vocab is None else TrainingData(pl.LightningDataModule(), tuple(vocab))
    with torch.device("cpu" if custom(config.model) else "meta"):
        module = build_module(config, data)
    return sum(parameter.numel() for parameter in module.parameters())


def main() -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    sizes: list[int | None] = []
    for values in request["configs"]:
        try:
            sizes.append(num_parameters(from_values(values, "a trial"), request["vocab"]))
        except TuneAsrError:  # a trial with this setting will fail, and its message is better
            sizes.append(None)
    print(json.dumps(sizes))


if __name__ == "__main__":
    main()
