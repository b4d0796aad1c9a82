"""Worker processes of a user's own DataLoader: which of them a training can be resumed with."""

from __future__ import annotations

import lightning.pytorch as pl
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from tune_asr.errors import ConfigError


class FreshWorkers(pl.Callback):
    """Refuses worker processes that live on from epoch to epoch.

    What such a process draws depends on what it drew in the epochs before, and no checkpoint holds that. Those that
    are started anew are seeded by (seed, epoch), as all else is.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the loaders of training and validation. Raises `ConfigError`."""
        loaders = {"train_dataloader": trainer.train_dataloader, "val_dataloader": trainer.val_dataloaders}
        for name, loader in loaders.items():
            if any(getattr(part, "persistent_workers", False) for part in CombinedLoader(loader).flattened):
                raise ConfigError(
                    f"data.target: {name} has persistent_workers=True, and a training that is resumed would draw other "
                    "numbers in them than one that was never stopped: write persistent_workers=False"
                )
