"""AdamW as the configuration asks for it: which weights decay, and how the rate follows the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError


def adamw(module: nn.Module, section: Mapping[str, Any], *, fused: bool) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019) over a module; biases and the scales of norms do not decay.

    Args:
        module: whose parameters are trained.
        section: `lr`, `weight_decay` and `betas` of the section `optimizer`.
        fused: one kernel for all parameters; under mixed precision Lightning cannot clip its gradients.
    """
    decayed = [parameter for parameter in module.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in module.parameters() if parameter.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"name": "weights", "params": decayed},
        {"name": "biases", "params": others, "weight_decay": 0.0},
    ]
    arguments = {key: section[key] for key in ("lr", "weight_decay", "betas")}
    return torch.optim.AdamW(groups, **arguments, fused=fused)


def peak_rate(config: Config) -> float:
    """`optimizer.lr` at the configuration's batch: times the square root of the utterances a step over the reference.

    The noise of a gradient falls with the square root of what it is averaged over, and Adam divides by that noise
    (Malladi et al., 2022).

    Raises:
        ConfigError: a user's own data section says no `batch_size`.
    """
    reference = config.optimizer.lr_reference_batch
    if reference is None:
        return config.optimizer.lr
    batch_size = getattr(config.data, "batch_size", None)
    if not isinstance(batch_size, int):
        raise ConfigError(
            f"optimizer.lr_reference_batch is {reference}, but data.target {config.data.target} is given no "
            "data.batch_size to compare it with: set lr_reference_batch to null"
        )
    return config.optimizer.lr * math.sqrt(batch_size * config.trainer.accumulate_grad_batches / reference)
