"""Result of each epoch, reported at its very end.

`EpochReport` is the only callback that decides anything. The order at the end of an epoch is fixed: scores, plateau
schedule, patience, then the sink, which saves the checkpoint. So the checkpoint holds all of it, and a training resumed
from it continues like an uninterrupted one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import Logger
from torch.optim.lr_scheduler import LambdaLR

from tune_asr.config.schema import Weights
from tune_asr.config.training_sections import EarlyStoppingSection
from tune_asr.errors import ConfigError, DataError, StorageError
from tune_asr.scoring.metric import Metric
from tune_asr.scoring.scores import Scores
from tune_asr.training.checkpoints import EPOCHS_STATE, INITIAL_SHA256, Origin
from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.decoding_time import DecodingTime
from tune_asr.training.epochs import METRICS, Diverged, Epoch, EpochResult, Sink, ended_by
from tune_asr.training.measured import validation_scores
from tune_asr.training.schedules import Schedule
from tune_asr.training.seeding import seed_everything_for
from tune_asr.training.step_losses import StepLosses


class EpochReport(pl.Callback):
    """Seed batches, watch the loss, report each epoch.

    Args:
        sink: function called once an epoch.
        seed: seed of the training. Every batch is seeded by (seed, epoch, batch), whatever the process did before.
        metric: error rate that leads the objective.
        stopping: rules that end the training before the horizon.
        grace_period: first epoch that early stopping may end.
        on_start: function called when the set-up is over and training begins.
        origin: facts about the training, kept in each checkpoint.
        weights: scored weights, `raw` or `ema`.
    """

    state_key = EPOCHS_STATE

    def __init__(
        self,
        sink: Sink,
        *,
        seed: int,
        metric: Metric,
        stopping: EarlyStoppingSection,
        grace_period: int = 0,
        on_start: Callable[[], None] = lambda: None,
        origin: Origin | None = None,
        weights: Weights = "raw",
    ) -> None:
        self.sink = sink
        self.weights = weights
        self.seed = seed
        self.metric = metric
        self.stopping = stopping
        self.grace_period = grace_period
        self.on_start = on_start
        self.origin: Origin = {**origin} if origin else {}
        self.history: list[Epoch] = []
        self._epoch_began = self._validation_began = 0.0
        self._losses = StepLosses()
        self._decoding = DecodingTime()
        self._lr = math.nan

    def state_dict(self) -> dict[str, list[dict[str, float]]]:
        """Return all epochs so far."""
        return {"history": [epoch.entry for epoch in self.history]}

    def load_state_dict(self, state_dict: Mapping[str, list[dict[str, float]]]) -> None:
        """Take over the epochs of a checkpoint."""
        self.history = [Epoch.of(entry) for entry in state_dict["history"]]

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the origin of the training."""
        checkpoint["origin"] = {**self.origin, "device": pl_module.device.type}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the hash of the initial weights.

        Their file may have changed since the training started.
        """
        if initial := checkpoint.get("origin", {}).get(INITIAL_SHA256):
            self.origin[INITIAL_SHA256] = initial

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the start; stop a training resumed after its end."""
        trainer.should_stop |= self._ends(trainer)
        self.on_start()
        self._epoch_began = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin a new sum of losses, and seed the epoch.

        A custom DataLoader that shuffles draws its order after this.
        """
        self._losses = StepLosses(self.history)
        seed_everything_for(self.seed, trainer.current_epoch)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed dropout and masks by the place of the batch."""
        seed_everything_for(self.seed, trainer.current_epoch, batch_idx)
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        self._lr = max((group["lr"] for group in groups), default=math.nan)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End the training if the loss is not finite."""
        where = f"epoch {trainer.current_epoch + 1}, batch {batch_idx + 1}"
        if batch is None:
            raise DataError(
                f"data.target yields None in {where}", hint="Look at the collate_fn of its training DataLoader."
            )
        self._losses.add(trainer, outputs, batch, where)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the losses, and note the end of training."""
        self._losses.read(trainer)
        self._validation_began = time.monotonic()

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Begin to measure a step of the first validation."""
        if trainer.current_epoch == 0:
            self._decoding.begin(pl_module.device)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """End the measurement of a step."""
        if trainer.current_epoch == 0:
            self._decoding.end(pl_module.device, batch)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch to schedules, patience and sink."""
        scores = self._scores(trainer, pl_module)
        _observe(trainer, scores.value("objective"))
        self.history.append(Epoch(trainer.current_epoch + 1, scores))
        # A trial pruned at this epoch ends without closing its loggers.
        for logger in trainer.loggers:
            _flush(logger)
        trainer.should_stop |= self._ends(trainer)
        now = time.monotonic()
        result = EpochResult(
            epoch=trainer.current_epoch + 1,
            scores=scores,
            train_loss=self._losses.mean(),
            outcome=outcome_of(pl_module),
            train_seconds=self._validation_began - self._epoch_began,
            val_seconds=now - self._validation_began,
            seconds=now - self._epoch_began,
            history=tuple(self.history),
            weights=self.weights,
            num_parameters=sum(parameter.numel() for parameter in pl_module.parameters()),
            rtf=self._decoding.rtf() if trainer.current_epoch == 0 else None,
            lr=self._lr,
        )
        self.sink(result, trainer.should_stop, trainer.save_checkpoint)
        self._epoch_began = time.monotonic()

    def _scores(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> Scores:
        """Return the scores of the validation, all of them finite."""
        scores = validation_scores(trainer, pl_module, self.metric)
        for name in METRICS:
            if not math.isfinite(value := scores.value(name)):
                raise Diverged(f"{name} is {value} in epoch {trainer.current_epoch + 1}", self.history)
        return scores

    def no_epoch(self, trainer: pl.Trainer) -> ConfigError:
        """Return the error of a training without a validation."""
        wanted = trainer.num_training_batches
        if not wanted:
            return ConfigError("no epoch was trained: there is no batch to train on")
        if not sum(trainer.num_val_batches):
            return ConfigError("no epoch was trained: there is no batch to validate on")
        return ConfigError(
            f"no epoch was trained: the training data end after {len(self._losses)} of {wanted} batches, and "
            "validation follows the last one",
            hint="Lower trainer.limit_train_batches.",
        )

    def _ends(self, trainer: pl.Trainer) -> bool:
        """Test if the training ends with its last epoch."""
        horizon = trainer.max_epochs
        assert horizon is not None, "the configuration has one"
        return bool(self.history) and bool(ended_by(self.history, self.stopping, horizon, self.grace_period))


def _observe(trainer: pl.Trainer, objective: float) -> None:
    """Report an epoch's objective to the schedules."""
    for config in trainer.lr_scheduler_configs:
        scheduler = config.scheduler
        if not isinstance(scheduler, LambdaLR):
            continue
        schedules = {id(rate): rate for rate in scheduler.lr_lambdas if isinstance(rate, Schedule)}
        if [schedule for schedule in schedules.values() if schedule.observe(objective)]:
            # A scheduler with a step per batch has set the rate of the next batch already, by the old schedule.
            rates = zip(scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
            for group, base, rate in rates:
                group["lr"] = base * rate(scheduler.last_epoch)


def _flush(logger: Logger) -> None:
    try:
        logger.save()
    except (OSError, ValueError) as error:  # a closed writer after a failed write raises ValueError
        reason = error.strerror if isinstance(error, OSError) else "the disk may be full"
        raise StorageError(f"{logger.save_dir}: curves cannot be written: {reason}") from error
