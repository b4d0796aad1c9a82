"""Worker processes of a DataLoader, new in each epoch."""

from __future__ import annotations

import lightning.pytorch as pl
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from tune_asr.errors import ConfigError


class FreshWorkers(pl.Callback):
    """Refuse worker processes that outlive an epoch.

    Their draws depend on their draws in earlier epochs, which no checkpoint holds. Workers started anew in each epoch
    are seeded by (seed, epoch), as everything else is.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check the loaders of training and validation.

        Raises:
            ConfigError: a loader keeps its workers.
        """
        loaders = {"train_dataloader": trainer.train_dataloader, "val_dataloader": trainer.val_dataloaders}
        for name, loader in loaders.items():
            if any(getattr(part, "persistent_workers", False) for part in CombinedLoader(loader).flattened):
                raise ConfigError(
                    f"data.target: {name} has persistent_workers=True, but a resumed training would draw other numbers "
                    "in them than an uninterrupted one",
                    hint="Pass persistent_workers=False.",
                )
