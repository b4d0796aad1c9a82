"""What an epoch came to, and the Lightning callback that says so, once an epoch, at its very end.

`EpochReport` is the only callback that decides anything. The order at the end of an epoch is fixed: metrics, plateau
schedule, patience, then the sink, which saves the checkpoint. So a checkpoint holds all of it, and a training that is
resumed from it goes on as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import Logger

from tune_asr.config.sections import EarlyStoppingSection
from tune_asr.errors import ConfigError, StorageError
from tune_asr.speech.scoring import ErrorCounts, objective
from tune_asr.training.module import SimpleCTCModule, UtteranceResult
from tune_asr.training.seeding import seed_everything_for

METRICS = ("val_wer", "val_cer", "val_loss")
INITIAL_SHA256 = "initial_sha256"
"""In what a checkpoint says of its origin: of the file with the weights that the training started from, if any."""


class Diverged(Exception):
    """A loss or an error rate is no longer a finite number; `history` is what came before, as `fit` returns it."""

    def __init__(self, what: str, history: list[dict[str, float]]) -> None:
        super().__init__(what)
        self.history = history


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """One epoch: `epoch` counts from 1, losses are nats a token, times are seconds.

    `seconds` runs from the end of the previous epoch, or of the set-up, to this result. `counts` and `utterances` are
    empty for a user's own module, which says no more than its metrics. `history` is every epoch so far, this one last,
    those before a resume included. `weights` says whose figures these are: `raw`, or `ema` for the moving average.
    `val_blank_share` is the share of validation frames whose best symbol is the blank, `val_empty_share` that of
    hypotheses without a word; a user's own module does not say. `lr` is the highest learning rate of the last step.
    `num_parameters` is how many the module trains.
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


Save = Callable[[Path], None]
Sink = Callable[[EpochResult, bool, Save], None]
"""Takes an epoch's result, whether the training ends with it, and a function that saves the checkpoint at a path."""


class EpochReport(pl.Callback):
    """Seeds every batch, watches the loss, and hands each epoch's result to a sink.

    Args:
        sink: called once an epoch.
        seed: of the training; every batch is seeded by (seed, epoch, batch), so nothing depends on the process.
        metric: `val_wer`, or `val_cer` where WER means nothing.
        stopping: when to end before the horizon.
        grace_period: early stopping never ends a training before this epoch.
        on_start: called when the set-up is over and training begins.
        origin: plain values on what is trained, kept in each checkpoint as `checkpoint["origin"]`.
        weights: which weights are validated, `raw` or `ema`.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        seed: int,
        metric: str,
        stopping: EarlyStoppingSection,
        grace_period: int = 0,
        on_start: Callable[[], None] = lambda: None,
        origin: Mapping[str, Any] | None = None,
        weights: str = "raw",
    ) -> None:
        self.sink = sink
        self.weights = weights
        self.seed = seed
        self.metric = metric
        self.stopping = stopping
        self.grace_period = grace_period
        self.on_start = on_start
        self.origin = dict(origin or {})
        self.history: list[dict[str, float]] = []
        self._epoch_began = self._validation_began = 0.0
        self._losses: list[float] = []
        self._lr = math.nan

    def state_dict(self) -> dict[str, Any]:
        """Every epoch so far, so that patience and the best epoch survive a resume."""
        return {"history": list(self.history)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take the history up where a checkpoint left it."""
        self.history = list(state_dict["history"])

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """A checkpoint says by itself what it was trained with: a file is enough to export it."""
        checkpoint["origin"] = {**self.origin, "device": pl_module.device.type}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """What a training started from is looked at when it starts: the file may be gone since."""
        if initial := checkpoint.get("origin", {}).get(INITIAL_SHA256):
            self.origin[INITIAL_SHA256] = initial

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The set-up is over. A training that was resumed behind its own end does not go on."""
        trainer.should_stop |= self._ends()
        self.on_start()
        self._epoch_began = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A new sum of losses. A user's own DataLoader that shuffles draws its order after this."""
        self._losses = []
        seed_everything_for(self.seed, trainer.current_epoch)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Dropout and masks of a batch depend on where it stands, not on what the process did before."""
        seed_everything_for(self.seed, trainer.current_epoch, batch_idx)
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        self._lr = max((group["lr"] for group in groups), default=math.nan)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """A loss that is not finite ends the training at once: nothing comes back from it."""
        loss = batch_loss(trainer, outputs)
        if loss is None:
            return
        if not math.isfinite(loss):
            where = f"epoch {trainer.current_epoch + 1}, batch {batch_idx + 1}"
            raise Diverged(f"the training loss is {loss} in {where}", self.history)
        self._losses.append(loss)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Training is over for this epoch."""
        self._validation_began = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Sum the epoch up, let schedule and patience see it, hand it on."""
        ours = pl_module if isinstance(pl_module, SimpleCTCModule) else None
        epoch = self._measured(trainer, pl_module)
        if ours:
            ours.on_objective(epoch["objective"])
        self.history.append(epoch)
        # A trial that is pruned at this epoch ends without another word to its loggers.
        for logger in trainer.loggers:
            _flush(logger)
        trainer.should_stop |= self._ends()
        now = time.monotonic()
        result = EpochResult(
            epoch=trainer.current_epoch + 1,
            **{name: epoch[name] for name in (*METRICS, "objective")},
            train_loss=math.fsum(self._losses) / max(len(self._losses), 1),
            counts=ours.counts() if ours else None,
            utterances=tuple(ours.utterances) if ours else (),
            train_seconds=self._validation_began - self._epoch_began,
            val_seconds=now - self._validation_began,
            seconds=now - self._epoch_began,
            history=tuple(self.history),
            weights=self.weights,
            num_parameters=sum(parameter.numel() for parameter in pl_module.parameters()),
            val_blank_share=ours.blank_share if ours else None,
            val_empty_share=ours.empty_share if ours else None,
            lr=self._lr,
        )
        self.sink(result, trainer.should_stop or result.epoch == trainer.max_epochs, trainer.save_checkpoint)
        self._epoch_began = time.monotonic()

    def _measured(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, float]:
        """An epoch of the history: its number, what the module logged, and the objective made of it."""
        values = measured(trainer, pl_module)
        for name, value in values.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} in epoch {trainer.current_epoch + 1}", self.history)
        ranked_by = objective(values[self.metric], values["val_cer"], values["val_loss"])
        return {"epoch": trainer.current_epoch + 1, **values, "objective": ranked_by}

    def _ends(self) -> bool:
        """Whether the training ends with the last epoch of the history."""
        if not self.history:
            return False
        epoch = self.history[-1]["epoch"]
        if self.stopping.stop_epoch is not None and epoch >= self.stopping.stop_epoch:
            return True
        return self.stopping.enabled and epoch >= self.grace_period and self._bad_epochs() >= self.stopping.patience

    def _bad_epochs(self) -> int:
        """Epochs since the objective last improved by more than `min_delta`."""
        best, bad = math.inf, 0
        for epoch in self.history:
            improved = epoch["objective"] < best - self.stopping.min_delta
            best, bad = (epoch["objective"], 0) if improved else (best, bad + 1)
        return bad


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
    if isinstance(pl_module, SimpleCTCModule):
        # Lightning keeps what is logged in float32; a ratio of integers has more digits than that.
        values |= {"val_wer": pl_module.counts().wer, "val_cer": pl_module.counts().cer}
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


def _flush(logger: Logger) -> None:
    try:
        logger.save()
    except (OSError, ValueError) as error:  # a closed writer after a failed write raises ValueError
        reason = error.strerror if isinstance(error, OSError) else "the disk may be full"
        raise StorageError(f"{logger.save_dir}: curves cannot be written: {reason}") from error
