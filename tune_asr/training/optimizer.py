"""AdamW with groups of weights, and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import torch
from torch import nn

from tune_asr.config.sections import Config
from tune_asr.config.training_sections import OptimizerSection
from tune_asr.errors import ConfigError


class _Group(TypedDict):
    """Parameter group, as torch takes it."""

    name: str
    params: list[nn.Parameter]
    lr: float
    weight_decay: float


def adamw(module: nn.Module, section: Mapping[str, Any], *, fused: bool) -> torch.optim.AdamW:
    """Build AdamW (Loshchilov and Hutter, 2019) over a module.

    Biases and the scales of norms do not decay.

    Args:
        module: module to train; a part named `output` scores the symbols and has a rate of its own.
        section: keys of the section `optimizer`; missing ones have their defaults.
        fused: one kernel for all parameters; under mixed precision Lightning cannot clip its gradients.
    """
    section = OptimizerSection().model_dump() | dict(section)
    groups: dict[str, _Group] = {}
    for name, parameter in module.named_parameters():
        is_output = "output" in name.split(".")
        kind = ("output " if is_output else "") + ("weights" if parameter.ndim > 1 else "biases")
        rate = section["lr"] * (1.0 if is_output else section["encoder_lr_scale"])
        decay = section["weight_decay"] if parameter.ndim > 1 else 0.0
        group = groups.setdefault(kind, _Group(name=kind, params=[], lr=rate, weight_decay=decay))
        group["params"].append(parameter)
    return torch.optim.AdamW([{**group} for group in groups.values()], betas=section["betas"], fused=fused)


def frozen(schedule: Callable[[int], float], steps: int) -> Callable[[int], float]:
    """Return a schedule with zero rate for the first steps.

    At that rate no weight moves or decays.
    """
    return lambda step: schedule(step) if step >= steps else 0.0


def peak_rate(config: Config, utterances_a_step: float | None = None) -> float:
    """Return `optimizer.lr` at the configuration's batch size.

    It is scaled by the square root of utterances per step over `lr_reference_batch`: the noise of a gradient falls with
    the square root of the number of its utterances, and Adam divides by that noise (Malladi et al., 2022).

    Args:
        config: checked configuration.
        utterances_a_step: mean over an epoch. Few data, or `data.max_frames_in_batch`, leave a step with fewer than
            `data.batch_size` times `trainer.accumulate_grad_batches`. None if a custom class loads the data.

    Raises:
        ConfigError: the section of custom data has no `batch_size`.
    """
    reference = config.optimizer.lr_reference_batch
    if reference is None:
        return config.optimizer.lr
    if utterances_a_step is None:
        batch_size = getattr(config.data, "batch_size", None)
        if not isinstance(batch_size, int | float):
            raise ConfigError(
                f"optimizer.lr_reference_batch is {reference}, but data.target {config.data.target} is given no "
                "data.batch_size to compare it with",
                hint="Set optimizer.lr_reference_batch to null.",
            )
        utterances_a_step = batch_size * config.trainer.accumulate_grad_batches
    return config.optimizer.lr * math.sqrt(utterances_a_step / reference)
