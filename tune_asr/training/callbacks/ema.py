"""Exponential moving average of the weights.

It is validated and saved in place of the last weights.

Lightning's `WeightAveraging` does most of it. It swaps the average into the module for validation, saves it as the
checkpoint's `state_dict`, and saves the trained weights as `current_model_state`.
"""

from __future__ import annotations

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

from tune_asr.training.checkpoints import EMA_STATE


class WarmingAverage(WeightAveraging):
    """Moving average that soon forgets the start.

    At its n-th update it keeps `min(decay, (1 + n) / (10 + n))` of itself.

    Args:
        decay: share kept in the end.
    """

    state_key = EMA_STATE

    def __init__(self, decay: float) -> None:
        def average(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor | int) -> None:
            if not averaged[0].is_floating_point():  # a counter, such as a BatchNorm's
                for own, other in zip(averaged, current, strict=True):
                    own.copy_(other)
                return
            keeps = min(decay, (1 + int(num_averaged)) / (10 + int(num_averaged)))
            # torch's own averages use this private kernel too; one call a weight takes several times as long.
            torch._foreach_lerp_(averaged, current, 1 - keeps)

        super().__init__(multi_avg_fn=average)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Make the average on the training's device.

        At this hook the module is still on the CPU.
        """
        # The device is an argument of the base class, but is not known when this object is built. Without it each step
        # on a GPU would copy all weights to the CPU; a test fails if Lightning renames the attribute.
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
