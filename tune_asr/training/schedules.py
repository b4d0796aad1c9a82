"""Learning-rate schedules over the whole horizon of a training.

A schedule is a callable step -> multiplier of the peak rate for `torch.optim.lr_scheduler.LambdaLR`. A checkpoint holds
its `__dict__`: observations, as plain numbers. Its shape is in slots and comes from the configuration: a training
resumed with a longer horizon follows the longer one.
"""

from __future__ import annotations

import math
from typing import TypeAlias, get_args

from tune_asr.config.training_sections import ScheduleName
from tune_asr.errors import ConfigError

Name: TypeAlias = ScheduleName
ONE_CYCLE_START = 1 / 25  # of the peak, as in torch's OneCycleLR


class Schedule:
    """Linear warm-up to 1, followed by one of several shapes.

    - `constant`: 1;
    - `cosine`: half a cosine down to `final_fraction` at `total_steps`, kept beyond (Loshchilov and Hutter, 2017);
    - `plateau`: times `factor` after more than `patience` epochs without improvement, never below `final_fraction`;
    - `one_cycle`: as `cosine`, and the warm-up is half a cosine too, from 1/25 (Smith and Topin, 2019); the momentum
      stays as it is;
    - `noam`: falls with the square root of the steps, as 1 / sqrt(step) (Vaswani et al., 2017);
    - `tri_stage`: 1 for `hold_fraction` of `total_steps`, then exponentially down to `final_fraction` at `total_steps`,
      kept beyond (Park et al., 2019).

    Args:
        name: name of the shape.
        total_steps: optimiser steps of the whole horizon.
        warmup_fraction: share of `total_steps` over which the rate rises; its first step is never zero.
        final_fraction: lowest multiplier of cosine, plateau, one_cycle and tri_stage; above zero for the last.
        hold_fraction: share of `total_steps` that tri_stage stays at its peak.
        factor: multiplier of the rate on a plateau.
        patience: epochs without improvement that plateau ignores, as in torch's `ReduceLROnPlateau`.

    Raises:
        ConfigError: the name is unknown, or a tri_stage would end at zero.
    """

    __slots__ = (
        "__dict__",
        "factor",
        "final_fraction",
        "hold_steps",
        "name",
        "patience",
        "total_steps",
        "warmup_steps",
    )

    def __init__(
        self,
        name: Name,
        *,
        total_steps: int,
        warmup_fraction: float = 0.0,
        final_fraction: float = 0.0,
        factor: float = 0.5,
        patience: int = 2,
        hold_fraction: float = 0.4,
    ) -> None:
        if name not in get_args(Name):
            raise ConfigError(f"there is no schedule {name!r}", hint=f"Choose one of {', '.join(get_args(Name))}.")
        if name == "tri_stage" and final_fraction <= 0:
            raise ConfigError("final_fraction is 0, but must be above 0 for tri_stage, which falls exponentially")
        self.name = name
        self.total_steps = total_steps
        self.warmup_steps = round(warmup_fraction * total_steps)
        self.hold_steps = round(hold_fraction * total_steps)
        self.final_fraction = final_fraction
        self.factor = factor
        self.patience = patience
        self.best = math.inf
        self.num_bad_epochs = 0
        self.plateau_scale = 1.0

    def __call__(self, step: int) -> float:
        """Return the factor of the peak rate, 0 to 1."""
        if step < self.warmup_steps:
            risen = (step + 1) / (self.warmup_steps + 1)
            if self.name == "one_cycle":
                return ONE_CYCLE_START + (1 - ONE_CYCLE_START) * (1 - _half_cosine(risen))
            return risen * self.plateau_scale
        if self.name in ("cosine", "one_cycle"):
            return self.final_fraction + (1 - self.final_fraction) * _half_cosine(self._progress(step, 0))
        if self.name == "noam":
            return math.sqrt((self.warmup_steps + 1) / (step + 1))
        if self.name == "tri_stage":
            return math.pow(self.final_fraction, self._progress(step, self.hold_steps))
        return self.plateau_scale

    def _progress(self, step: int, hold_steps: int) -> float:
        """Return a step's place between peak and horizon, in 0..1."""
        begin = min(self.warmup_steps + hold_steps, self.total_steps)
        return min(1.0, max(0, step - begin) / max(1, self.total_steps - begin))

    def observe(self, value: float) -> bool:
        """Take an epoch's objective; return true if the rate falls.

        Call it before the checkpoint is saved.

        Only plateau uses it. A lower value is better, NaN never is.
        """
        if self.name != "plateau":
            return False
        if value < self.best:
            self.best = value
            self.num_bad_epochs = 0
            return False
        self.num_bad_epochs += 1
        falls = self.num_bad_epochs > self.patience
        if falls:
            self.plateau_scale = max(self.plateau_scale * self.factor, self.final_fraction)
            self.num_bad_epochs = 0
        return falls


def _half_cosine(progress: float) -> float:
    """Fall from 1 at 0 to 0 at 1."""
    return (1 + math.cos(math.pi * progress)) / 2
