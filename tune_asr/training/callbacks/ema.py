"""Exponential moving average of the weights.

It is validated and saved in place of the last weights.

Lightning's `WeightAveraging` does most of it. It swaps the average into the module for validation, saves it as the
checkpoint's `state_dict`, and saves the trained weights as `current_model_state`.
"""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn

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
        self._average = average
        self._num_averaged: int | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Make the average on the training's device.

        At this hook the module is still on the CPU.
        """
        # The device is an argument of the base class, but is not known when this object is built. Without it each step
        # on a GPU would copy all weights to the CPU; a test fails if Lightning renames the attribute.
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Update the average after a step of the optimiser.

        torch's own update reads the number of updates from the device, three times.
        """
        if trainer.global_step > self._latest_update_step:
            self._update(pl_module)
            self._latest_update_step = trainer.global_step

    @torch.no_grad()
    def _update(self, module: pl.LightningModule) -> None:
        average = self._average_model
        assert average is not None, "training has begun"
        if self._num_averaged is None:
            self._num_averaged = int(average.n_averaged)
        pairs = list(zip(_tensors(average.module), _tensors(module), strict=True))
        if not self._num_averaged:
            for own, other in pairs:
                own.copy_(other)
        else:
            for is_float in (True, False):
                kind = [pair for pair in pairs if pair[0].is_floating_point() == is_float]
                if kind:
                    self._average([own for own, _ in kind], [other for _, other in kind], self._num_averaged)
        self._num_averaged += 1
        average.n_averaged += 1


def _tensors(module: nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in (*module.parameters(), *module.buffers())]
