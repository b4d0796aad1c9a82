"""Learning-rate schedules, laid over the whole horizon of a training.

A schedule is a callable step -> multiplier of the peak rate, for `torch.optim.lr_scheduler.LambdaLR`, which saves what
stands in its `__dict__` with the checkpoint: what it has seen, in plain numbers. Its shape is in slots, and stays the
configuration's: a training that is resumed with a longer horizon is laid over the longer one.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

from tune_asr.errors import ConfigError

Name = Literal["constant", "cosine", "plateau"]


class Schedule:
    """Linear warm-up to 1, and then one of

    - `constant`: 1;
    - `cosine`: half a cosine down to `final_fraction` at `total_steps`, kept beyond (Loshchilov and Hutter, 2017);
    - `plateau`: times `factor` after more than `patience` epochs without improvement, never below `final_fraction`.

    Args:
        name: of the shape.
        total_steps: optimiser steps of the whole horizon.
        warmup_fraction: share of `total_steps` over which the rate rises; its first step is never zero.
        final_fraction: the lowest multiplier of cosine and plateau.
        factor: what a plateau multiplies the rate by.
        patience: epochs without improvement that a plateau lets pass, as torch's `ReduceLROnPlateau`.

    Raises:
        ConfigError: there is no schedule of that name.
    """

    __slots__ = ("__dict__", "factor", "final_fraction", "name", "patience", "total_steps", "warmup_steps")

    def __init__(
        self,
        name: Name,
        *,
        total_steps: int,
        warmup_fraction: float = 0.0,
        final_fraction: float = 0.0,
        factor: float = 0.5,
        patience: int = 2,
    ) -> None:
        if name not in get_args(Name):
            raise ConfigError(f"there is no schedule {name!r}: choose one of {', '.join(get_args(Name))}")
        self.name = name
        self.total_steps = total_steps
        self.warmup_steps = round(warmup_fraction * total_steps)
        self.final_fraction = final_fraction
        self.factor = factor
        self.patience = patience
        self.best = math.inf
        self.num_bad_epochs = 0
        self.plateau_scale = 1.0

    def __call__(self, step: int) -> float:
        """The multiplier of the peak learning rate at an optimiser step, in (0, 1]."""
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1) * self.plateau_scale
        if self.name != "cosine":
            return self.plateau_scale
        progress = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        cosine = (1 + math.cos(math.pi * min(1.0, progress))) / 2
        return self.final_fraction + (1 - self.final_fraction) * cosine

    def observe(self, value: float) -> None:
        """Tell a plateau the epoch's objective, lower being better; call it before the checkpoint is saved.

        Other schedules do not listen. A value that is not a number is no improvement.
        """
        if self.name != "plateau":
            return
        if value < self.best:
            self.best = value
            self.num_bad_epochs = 0
            return
        self.num_bad_epochs += 1
        if self.num_bad_epochs > self.patience:
            self.plateau_scale = max(self.plateau_scale * self.factor, self.final_fraction)
            self.num_bad_epochs = 0
