"""Number of batches an epoch, unchanged by a resume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl

from tune_asr.errors import ConfigError
from tune_asr.training.checkpoints import BATCHES_STATE


class SameBatches(pl.Callback):
    """Refuse to resume with another number of batches an epoch.

    A checkpoint is saved after an epoch's last batch. With another number of batches Lightning takes it for one saved
    in the middle of an epoch, and trains that epoch again, under the same number.
    """

    state_key = BATCHES_STATE

    def __init__(self) -> None:
        self._saved: int | None = None
        self._trained = 0

    def state_dict(self) -> dict[str, int]:
        """Return the batches of the epoch so far."""
        return {"num_batches": self._trained}

    def load_state_dict(self, state_dict: Mapping[str, int]) -> None:
        """Take over the batches of the checkpoint's epoch."""
        self._saved = state_dict["num_batches"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare the batches after the data are loaded.

        Raises:
            ConfigError: they are not as many.
        """
        batches = trainer.num_training_batches
        if self._saved is not None and batches != self._saved and math.isfinite(batches):
            raise ConfigError(
                f"{trainer.ckpt_path}: an epoch had {self._saved} batches there and has {batches} here",
                hint="Resume with data.batch_size, data.max_frames_in_batch and trainer.limit_train_batches of the "
                "checkpoint.",
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        self._trained = batch_idx + 1
