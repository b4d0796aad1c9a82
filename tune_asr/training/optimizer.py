"""AdamW as the configuration asks for it: which weights decay, and how the rate follows the batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from tune_asr.config.sections import Config
from tune_asr.config.training_sections import OptimizerSection
from tune_asr.errors import ConfigError


def adamw(module: nn.Module, section: Mapping[str, Any], *, fused: bool) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019) over a module; biases and the scales of norms do not decay.

    Args:
        module: whose parameters are trained; `output`, anywhere in it, is the layer that scores symbols.
        section: the section `optimizer`, or some keys of it: a module of the user's may give what it cares for.
        fused: one kernel for all parameters; under mixed precision Lightning cannot clip its gradients.
    """
    section = OptimizerSection().model_dump() | dict(section)
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in module.named_parameters():
        is_output = "output" in name.split(".")
        kind = ("output " if is_output else "") + ("weights" if parameter.ndim > 1 else "biases")
        rate = section["lr"] * (1.0 if is_output else section["encoder_lr_scale"])
        decay = section["weight_decay"] if parameter.ndim > 1 else 0.0
        group = groups.setdefault(kind, {"name": kind, "params": [], "lr": rate, "weight_decay": decay})
        group["params"].append(parameter)
    return torch.optim.AdamW(list(groups.values()), betas=section["betas"], fused=fused)


def frozen(schedule: Callable[[int], float], steps: int) -> Callable[[int], float]:
    """A schedule that is zero for so many optimiser steps: a rate of zero moves nothing, and decays nothing."""
    return lambda step: schedule(step) if step >= steps else 0.0


def peak_rate(config: Config, utterances_a_step: float | None = None) -> float:
    """`optimizer.lr` at the configuration's batch: times the square root of the utterances a step over the reference.

    Args:
        config: the checked configuration.
        utterances_a_step: their mean over an epoch, where it is known: few data, or `data.max_frames_in_batch`, leave
            a step with fewer than `data.batch_size` times `trainer.accumulate_grad_batches`.

    The noise of a gradient falls with the square root of what it is averaged over, and Adam divides by that noise
    (Malladi et al., 2022).

    Raises:
        ConfigError: a user's own data section says no `batch_size`.
    """
    reference = config.optimizer.lr_reference_batch
    if reference is None:
        return config.optimizer.lr
    if utterances_a_step is None:
        batch_size = getattr(config.data, "batch_size", None)
        if not isinstance(batch_size, int | float):
            raise ConfigError(
                f"optimizer.lr_reference_batch is {reference}, but data.target {config.data.target} is given no "
                "data.batch_size to compare it with: set lr_reference_batch to null"
            )
        utterances_a_step = batch_size * config.trainer.accumulate_grad_batches
    return config.optimizer.lr * math.sqrt(utterances_a_step / reference)
