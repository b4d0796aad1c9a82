"""The Lightning callback that says what each epoch came to, once, at its very end.

`EpochReport` is the only callback that decides anything. The order at the end of an epoch is fixed: metrics, plateau
schedule, patience, then the sink, which saves the checkpoint. So a checkpoint holds all of it, and a training that is
resumed from it goes on as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from tune_asr.config.training_sections import EarlyStoppingSection
from tune_asr.errors import ConfigError, DataError, StorageError
from tune_asr.scoring.counts import objective
from tune_asr.training.batching import Batch
from tune_asr.training.checkpoints import EPOCHS_STATE, INITIAL_SHA256
from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.epochs import (
    METRICS,
    Diverged,
    EpochResult,
    Sink,
    batch_loss,
    ended_by,
    measured,
)
from tune_asr.training.schedules import Schedule
from tune_asr.training.seeding import seed_everything_for

ROUNDING = 1e-3
"""A CTC loss in float32 may fall so far below 0 where the model is sure of all."""


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

    state_key = EPOCHS_STATE

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
        self._on_device: list[tuple[Tensor, str, Sequence[str]]] = []
        """Steps of a GPU that are not read yet: loss and whether features are finite, place, utterances."""
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
        trainer.should_stop |= self._ends(trainer)
        self.on_start()
        self._epoch_began = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A new sum of losses. A user's own DataLoader that shuffles draws its order after this."""
        self._losses, self._on_device = [], []
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
        where = f"epoch {trainer.current_epoch + 1}, batch {batch_idx + 1}"
        if batch is None:
            raise DataError(f"data.target yields None in {where}: look at the collate_fn of its training DataLoader")
        if pl_module.device.type == "cpu":
            loss = batch_loss(trainer, outputs)
            if loss is not None:
                is_finite = math.isfinite(loss) or not isinstance(batch, Batch) or bool(batch.features.isfinite().all())
                self._note_loss(loss, where, () if is_finite else batch.ids)
        elif "loss" in outputs:
            ours, loss = isinstance(batch, Batch), outputs["loss"].detach().float()
            finite = batch.features.isfinite().all() if ours else torch.ones_like(loss)
            self._on_device.append((torch.stack([loss, finite.float()]), where, batch.ids if ours else ()))

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the losses of a GPU, all at once: each reading would wait for it."""
        values = torch.stack([step[0] for step in self._on_device]).tolist() if self._on_device else []
        for (loss, is_finite), (_, where, ids) in zip(values, self._on_device, strict=True):
            self._note_loss(loss * trainer.accumulate_grad_batches, where, () if is_finite else ids)
        self._on_device = []
        self._validation_began = time.monotonic()

    def _note_loss(self, loss: float, where: str, not_finite: Sequence[str]) -> None:
        """Keep the loss of a batch. Raises `Diverged`, or `DataError` for the ids of `not_finite` features."""
        if not math.isfinite(loss):
            if not_finite:
                raise DataError(f"data.target yields features that are not finite, in {where}: {', '.join(not_finite)}")
            raise Diverged(f"the training loss is {loss} in {where}", self.history)
        self._losses.append(loss)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Sum the epoch up, let schedule and patience see it, hand it on."""
        outcome = outcome_of(pl_module)
        epoch = self._measured(trainer, pl_module)
        _tell_schedules(trainer, epoch["objective"])
        self.history.append(epoch)
        # A trial that is pruned at this epoch ends without another word to its loggers.
        for logger in trainer.loggers:
            _flush(logger)
        trainer.should_stop |= self._ends(trainer)
        now = time.monotonic()
        result = EpochResult(
            epoch=trainer.current_epoch + 1,
            **{name: epoch[name] for name in (*METRICS, "objective")},
            train_loss=math.fsum(self._losses) / max(len(self._losses), 1),
            counts=outcome.counts if outcome else None,
            utterances=outcome.utterances if outcome else (),
            train_seconds=self._validation_began - self._epoch_began,
            val_seconds=now - self._validation_began,
            seconds=now - self._epoch_began,
            history=tuple(self.history),
            weights=self.weights,
            num_parameters=sum(parameter.numel() for parameter in pl_module.parameters()),
            val_blank_share=outcome.blank_share if outcome else None,
            val_empty_share=outcome.empty_share if outcome else None,
            lr=self._lr,
        )
        self.sink(result, trainer.should_stop, trainer.save_checkpoint)
        self._epoch_began = time.monotonic()

    def _measured(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, float]:
        """An epoch of the history: its number, what the module logged, and the objective made of it."""
        values = measured(trainer, pl_module)
        for name, value in values.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} in epoch {trainer.current_epoch + 1}", self.history)
        if values["val_loss"] < -ROUNDING:
            owner = f"{type(pl_module).__module__}.{type(pl_module).__qualname__}"
            raise ConfigError(
                f"model.target: {owner} logs a val_loss of {values['val_loss']:g}, but it must be 0 or more, as nats a "
                "token are: log the CTC loss, or 0 where there is none"
            )
        ranked_by = objective(values[self.metric], values["val_cer"], values["val_loss"])
        return {"epoch": trainer.current_epoch + 1, **values, "objective": ranked_by}

    def why_no_epoch(self, trainer: pl.Trainer) -> str:
        """Say why a training has ended without a single validation."""
        wanted = trainer.num_training_batches
        if not wanted:
            return "there is no batch to train on"
        if not sum(trainer.num_val_batches):
            return "there is no batch to validate on"
        end = f"the training data end after {len(self._losses) + len(self._on_device)} of {wanted} batches"
        return f"{end}, and validation comes after the last: lower trainer.limit_train_batches"

    def _ends(self, trainer: pl.Trainer) -> bool:
        """Whether the training ends with the last epoch of the history."""
        horizon = trainer.max_epochs
        assert horizon is not None, "the configuration has one"
        return bool(self.history) and bool(ended_by(self.history, self.stopping, horizon, self.grace_period))


def _tell_schedules(trainer: pl.Trainer, objective: float) -> None:
    """Tell the schedules of a training, whoever's module they are in, an epoch's objective; before the checkpoint."""
    for config in trainer.lr_scheduler_configs:
        scheduler = config.scheduler
        if not isinstance(scheduler, LambdaLR):
            continue
        schedules = {id(rate): rate for rate in scheduler.lr_lambdas if isinstance(rate, Schedule)}
        if [schedule for schedule in schedules.values() if schedule.observe(objective)]:
            # One that makes a step a batch has made that for the next batch already, under the rate before.
            rates = zip(scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
            for group, base, rate in rates:
                group["lr"] = base * rate(scheduler.last_epoch)


def _flush(logger: Logger) -> None:
    try:
        logger.save()
    except (OSError, ValueError) as error:  # a closed writer after a failed write raises ValueError
        reason = error.strerror if isinstance(error, OSError) else "the disk may be full"
        raise StorageError(f"{logger.save_dir}: curves cannot be written: {reason}") from error
