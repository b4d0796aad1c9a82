"""An exponential moving average of the weights, which is what is validated and what a checkpoint is a model of.

Lightning's `WeightAveraging` does the rest: it puts the average in the module's place for validation, saves it as the
checkpoint's `state_dict`, and the weights that go on being trained as `current_model_state`.
"""

from __future__ import annotations

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

RAW_WEIGHTS = "current_model_state"
"""The key of a checkpoint that holds the raw weights where `state_dict` holds their average."""


class WarmingAverage(WeightAveraging):
    """The average keeps `min(decay, (1 + n) / (10 + n))` of itself at its n-th update: it soon forgets the start.

    Args:
        decay: what it keeps in the end.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor | int) -> None:
            if not averaged[0].is_floating_point():  # a counter, such as a BatchNorm's
                for own, other in zip(averaged, current, strict=True):
                    own.copy_(other)
                return
            keeps = min(decay, (1 + int(num_averaged)) / (10 + int(num_averaged)))
            torch._foreach_lerp_(averaged, current, 1 - keeps)

        super().__init__(multi_avg_fn=average)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Make the average where the training will be: at this hook the module is still on the CPU."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)
