"""What an epoch of training comes to: its figures, which of them is the best, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from tune_asr.config.training_sections import EarlyStoppingSection
from tune_asr.errors import ConfigError
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.outcome import UtteranceResult

METRICS = ("val_wer", "val_cer", "val_loss")


class Diverged(Exception):
    """A loss or an error rate is no longer a finite number; `history` is what came before, as `fit` returns it."""

    def __init__(self, what: str, history: list[dict[str, float]]) -> None:
        super().__init__(what)
        self.history = history


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """One epoch: `epoch` counts from 1, losses are nats a token, times are seconds.

    `seconds` runs from the end of the previous epoch, or of the set-up, to this result. `counts` and `utterances` are
    empty for a user's own module that is no `CTCModule`, which says no more than its metrics. `history` is every epoch
    so far, this one last, those before a resume included. `weights` says whose figures these are: `raw`, or `ema` for
    the moving average.
    `val_blank_share` is the share of validation frames whose best symbol is the blank, `val_empty_share` that of
    hypotheses without a word; such a module does not say. `lr` is the highest learning rate of the last step.
    `num_parameters` is how many the module has, frozen ones too.
    """

    epoch: int
    val_wer: float
    val_cer: float
    val_loss: float
    objective: float
    train_loss: float
    counts: ErrorCounts | None
    utterances: tuple[UtteranceResult, ...]
    train_seconds: float
    val_seconds: float
    seconds: float
    history: tuple[Mapping[str, float], ...]
    weights: str = "raw"
    num_parameters: int = 0
    val_blank_share: float | None = None
    val_empty_share: float | None = None
    lr: float = math.nan


def rank(epoch: Mapping[str, float], metric: str) -> tuple[float, float, float, float]:
    """The order of a training's epochs, best first: the metric, then CER, loss, and the earlier one."""
    return epoch[metric], epoch["val_cer"], epoch["val_loss"], epoch["epoch"]


def best_epochs(history: Iterable[Mapping[str, float]], metric: str, number: int) -> list[Mapping[str, float]]:
    """The best epochs of a training, so many of them or all that there are, best first."""
    return sorted(history, key=lambda epoch: rank(epoch, metric))[:number]


HORIZON, PATIENCE, STOP_EPOCH = "trainer.max_epochs", "early_stopping.patience", "early_stopping.stop_epoch"


def ended_by(
    history: Sequence[Mapping[str, float]], stopping: EarlyStoppingSection, max_epochs: int, grace_period: int = 0
) -> list[str]:
    """Which rules end a training after these epochs, by their keys: none where it goes on, several where they agree.

    Args:
        history: every epoch so far; `objective` is what patience goes by.
        stopping: when to end before the horizon.
        max_epochs: the horizon.
        grace_period: patience does not end a training before this epoch.
    """
    epoch = len(history)
    rules = {
        HORIZON: epoch >= max_epochs,
        PATIENCE: epoch >= grace_period and _is_out_of_patience(history, stopping),
        STOP_EPOCH: stopping.stop_epoch is not None and epoch >= stopping.stop_epoch,
    }
    return [key for key, ends in rules.items() if ends]


def _is_out_of_patience(history: Iterable[Mapping[str, float]], stopping: EarlyStoppingSection) -> bool:
    """Whether the objective has not improved by more than `min_delta` for `patience` epochs, where anybody minds."""
    best, bad_epochs = math.inf, 0
    for epoch in history:
        improved = epoch["objective"] < best - stopping.min_delta
        best, bad_epochs = (epoch["objective"], 0) if improved else (best, bad_epochs + 1)
    return stopping.enabled and bad_epochs >= stopping.patience


Save = Callable[[Path], None]
Sink = Callable[[EpochResult, bool, Save], None]
"""Takes an epoch's result, whether the training ends with it, and a function that saves the checkpoint at a path."""


def batch_loss(trainer: pl.Trainer, outputs: Mapping[str, Any]) -> float | None:
    """The loss of a batch that was trained on; None where a user's own module left it out."""
    # Lightning has divided it, so that the gradients of a step add up to a mean.
    return float(outputs["loss"]) * trainer.accumulate_grad_batches if "loss" in outputs else None


def measured(trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, float]:
    """`METRICS` of the validation that is just over.

    Raises:
        ConfigError: a user's own module does not log one of them.
    """
    values = {name: _logged(trainer, pl_module, name) for name in METRICS}
    if outcome := outcome_of(pl_module):
        # Lightning keeps what is logged in float32; a ratio of integers has more digits than that.
        values |= {"val_wer": outcome.counts.wer, "val_cer": outcome.counts.cer}
    return values


def _logged(trainer: pl.Trainer, pl_module: pl.LightningModule, name: str) -> float:
    value = trainer.callback_metrics.get(name)
    if value is None:
        logged = ", ".join(sorted(trainer.callback_metrics)) or "nothing"
        owner = f"{type(pl_module).__module__}.{type(pl_module).__qualname__}"
        raise ConfigError(
            f"model.target: {owner} does not log {name}: a LightningModule used here logs {', '.join(METRICS)} "
            f"in validation (it logged {logged})"
        )
    return float(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
