"""Loss of a step and scores of a validation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
import torch

from tune_asr.errors import ConfigError
from tune_asr.scoring.metric import Metric
from tune_asr.scoring.scores import Scores, objective, score
from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.epochs import METRICS

_ROUNDING = 1e-3
"""Amount by which a CTC loss in float32 may fall below 0 if the model is sure of everything."""


def batch_loss(trainer: pl.Trainer, outputs: Mapping[str, Any]) -> float | None:
    """Return the loss of a training batch, None without one."""
    # Lightning has divided it, so that the gradients of a step add up to a mean.
    return float(outputs["loss"]) * trainer.accumulate_grad_batches if "loss" in outputs else None


def validation_scores(trainer: pl.Trainer, module: pl.LightningModule, metric: Metric) -> Scores:
    """Return the scores of the last validation, finite or not.

    Args:
        trainer: trainer that validated.
        module: module that was validated.
        metric: error rate that leads objective and score.

    Raises:
        ConfigError: a custom module does not log a score, or logs a negative loss.
    """
    values = {name: _logged(trainer, module, name) for name in METRICS}
    if outcome := outcome_of(module):
        # Lightning keeps logged values in float32; a ratio of integers has more digits.
        values |= {"val_wer": outcome.counts.wer, "val_cer": outcome.counts.cer}
    if math.isfinite(loss := values["val_loss"]) and loss < -_ROUNDING:
        raise ConfigError(
            f"model.target: {_name(module)} logs a val_loss of {loss:g}, but it must be 0 or more, as nats per token "
            "are",
            hint="Log the CTC loss, or 0 if there is none.",
        )
    ranked = (values[metric], values["val_cer"], values["val_loss"])
    return Scores(**values, objective=objective(*ranked), score=score(*ranked))


def _logged(trainer: pl.Trainer, module: pl.LightningModule, name: str) -> float:
    value = trainer.callback_metrics.get(name)
    if value is None:
        logged = ", ".join(sorted(trainer.callback_metrics)) or "nothing"
        raise ConfigError(
            f"model.target: {_name(module)} does not log {name} in validation; it logs {logged}",
            hint=f"Log {', '.join(METRICS)} in validation_step or on_validation_epoch_end.",
        )
    return float(value.detach().cpu() if isinstance(value, torch.Tensor) else value)


def _name(module: pl.LightningModule) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"
