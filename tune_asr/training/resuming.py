"""Whether a resumed training has as many batches an epoch as the one before: else no epoch ends where it ended."""

from __future__ import annotations

import math
from typing import Any

import lightning.pytorch as pl

from tune_asr.errors import ConfigError


class SameBatches(pl.Callback):
    """Refuses to resume with another number of batches an epoch.

    A checkpoint is saved behind an epoch's last batch. With another number of them Lightning takes it for one saved in
    the middle of an epoch, and trains that epoch again, under the same number.
    """

    def __init__(self) -> None:
        self._saved: int | None = None

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note the batches of the checkpoint's epoch, before Lightning's loop begins to count on."""
        self._saved = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["completed"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare, now that the data are loaded. Raises `ConfigError`."""
        batches = trainer.num_training_batches
        if self._saved is not None and batches != self._saved and math.isfinite(batches):
            raise ConfigError(
                f"{trainer.ckpt_path}: an epoch had {self._saved} batches there and has {batches} here: resume with "
                "the data.batch_size, data.max_frames_in_batch and trainer.limit_train_batches of the checkpoint"
            )
