"""Cost of settings, measured by a few real steps of each.

A short training of the setting, with everything that belongs to one: features, augmentation, precision, validation and
checkpoint. Its steps are those of the setting, but fewer; the rest of an epoch is multiplied.
"""

from __future__ import annotations

import math
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.errors import TuneAsrError
from tune_asr.training.data import TrainingData, load_data
from tune_asr.training.epochs import Diverged, EpochResult, Save
from tune_asr.training.fit import explain_errors, fit
from tune_asr.training.size import num_parameters

BATCHES = 10
"""Batches of a short epoch, of training and of validation each."""
FEWEST = 4
"""Batches after which a slow setting may be left."""
_ENDLESS = 100_000
"""Epochs of a training that is left before their end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of one setting."""

    epoch_seconds: float
    """Seconds of a whole epoch: training, validation and checkpoint."""
    set_up_seconds: float
    """Seconds from the call to the first step."""
    memory_bytes: int
    """Largest memory of the process."""
    gpu_bytes: int
    """Largest memory of the GPU, 0 without one."""
    checkpoint_bytes: int


@dataclass(slots=True)
class _Steps(pl.Callback):
    """Times of batches; ends a training that takes too long."""

    until: float
    train: list[float] = field(default_factory=list)
    _began: float = 0.0

    def on_train_batch_start(self, *_: object) -> None:
        """Note the time."""
        self._began = time.monotonic()

    def on_train_batch_end(self, *_: object) -> None:
        """Keep the seconds of the step."""
        self.train.append(time.monotonic() - self._began)
        if len(self.train) >= FEWEST and time.monotonic() > self.until:
            raise _Enough


@dataclass(slots=True)
class _Window(pl.Callback):
    """Count of steps within some time."""

    begin: float
    end: float
    steps: int = 0

    def on_train_batch_end(self, *_: object) -> None:
        """Count a step; end the training after the time."""
        now = time.monotonic()
        self.steps += self.begin <= now < self.end
        if now >= self.end:
            raise _Enough


class _Enough(BaseException):
    """End of a training that was long enough."""


def parameters(configurations: Sequence[Mapping[str, Any]], data: TrainingData) -> list[int]:
    """Return the parameters of each configuration.

    They are 0 if it cannot be built.
    """
    return [_parameters(values, data) for values in configurations]


def _parameters(values: Mapping[str, Any], data: TrainingData) -> int:
    with suppress(TuneAsrError):
        return num_parameters(from_values(values, "a setting"), data.vocab)
    return 0


def measure(values: Mapping[str, Any], seconds: float) -> Cost:
    """Measure the cost of one configuration.

    Args:
        values: configuration as plain values.
        seconds: time after which a slow one is left.

    Raises:
        TuneAsrError: it cannot be trained.
    """
    whole = from_values(values, "a setting")
    with explain_errors(whole):
        data = load_data(whole)
    batches = _batches(data)
    began = time.monotonic()
    steps, ends, size = _Steps(until=began + seconds), list[tuple[float, EpochResult]](), list[int]()
    started: list[float] = []
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()

    def sink(result: EpochResult, _last: bool, save: Save) -> None:
        with tempfile.TemporaryDirectory() as folder:
            save(Path(folder, "checkpoint.ckpt"))
            size.append(Path(folder, "checkpoint.ckpt").stat().st_size)
        ends.append((time.monotonic(), result))

    with suppress(_Enough, Diverged):
        fit(_short(whole), sink, data=data, on_start=lambda: started.append(time.monotonic()), callbacks=[steps])
    epoch = _epoch_seconds(steps.train, ends, batches)
    return Cost(
        epoch_seconds=epoch,
        set_up_seconds=(started[0] if started else began) - began,
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        gpu_bytes=torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
        checkpoint_bytes=max(size, default=0),
    )


def steps_between(values: Mapping[str, Any], begin: float, end: float) -> int:
    """Train for some time; return the number of steps.

    Args:
        values: configuration as plain values.
        begin: time of `time.monotonic` from which steps count.
        end: time at which the training is left.

    Raises:
        TuneAsrError: it cannot be trained.
    """
    window = _Window(begin, end)
    config = _short(from_values(values, "a setting"))
    endless = config.trainer.model_copy(update={"max_epochs": _ENDLESS, "limit_train_batches": None})
    with suppress(_Enough, Diverged):
        fit(config.model_copy(update={"trainer": endless}), lambda *_: None, callbacks=[window])
    return window.steps


def _short(config: Config) -> Config:
    """Return the configuration with two short epochs.

    The first one warms everything up.
    """
    cut = {"max_epochs": 2, "limit_train_batches": BATCHES, "limit_val_batches": BATCHES}
    stopping = config.early_stopping.model_copy(update={"enabled": False, "stop_epoch": None})
    return config.model_copy(update={"trainer": config.trainer.model_copy(update=cut), "early_stopping": stopping})


def _batches(data: TrainingData) -> tuple[float, float]:
    """Return the numbers of batches in training and validation.

    They are nan if a custom class has none.
    """
    loaders = (data.module.train_dataloader, data.module.val_dataloader)
    counts = []
    for loader in loaders:
        count = math.nan
        with suppress(Exception):  # a custom class may need its `setup` first, or have no length
            count = float(len(loader()))
        counts.append(count)
    return counts[0], counts[1]


def _epoch_seconds(
    steps: Sequence[float], ends: Sequence[tuple[float, EpochResult]], batches: tuple[float, float]
) -> float:
    """Return the seconds of a whole epoch."""
    train, val = (1.0 if math.isnan(number) else max(1.0, number / BATCHES) for number in batches)
    if len(ends) == 2:
        result, between = ends[1][1], ends[1][0] - ends[0][0]
        rest = max(0.0, between - result.seconds)
        return result.train_seconds * train + result.val_seconds * val + rest
    warm = sorted(steps[1:] or steps)
    step = warm[len(warm) // 2]
    # Validation has no backward pass.
    return step * BATCHES * (train + 0.35 * val)
