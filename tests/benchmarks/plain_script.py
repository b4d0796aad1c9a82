"""The search that one writes without tune_asr, out of Ray Tune's and Lightning's manuals; `start` measures it.

    python -m tests.benchmarks.plain_script FOLDER

Its speech is noise, as much of it as configs/train.yaml has: made in no time, where tune_asr synthesises words. Of this
it computes the same features.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import ray
import torch
import torchaudio
from ray import tune
from ray.tune.integration.pytorch_lightning import TuneReportCheckpointCallback
from ray.tune.schedulers import ASHAScheduler
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

NUM_TRAIN, NUM_VAL, SAMPLES, SAMPLE_RATE, TOKENS = 384, 64, 10_200, 8000, 14
MEL_BINS, SYMBOLS, EPOCHS = 40, 28, 2


class PlainCTC(pl.LightningModule):
    """A small convolutional CTC recogniser."""

    def __init__(self, lr: float, folder: str) -> None:
        super().__init__()
        self.lr, self.folder = lr, folder
        self.encoder = nn.Sequential(
            nn.Conv1d(MEL_BINS, 96, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv1d(96, 96, 3, stride=2, padding=1),
            nn.SiLU(),
            *(nn.Sequential(nn.Conv1d(96, 96, 11, padding=5, groups=96), nn.SiLU()) for _ in range(5)),
            nn.Conv1d(96, SYMBOLS, 1),
        )
        self.loss = nn.CTCLoss()

    def loss_of(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of a batch: (N, C, T) features, (N, U) tokens."""
        features, tokens = batch
        log_probs = self.encoder(features).log_softmax(1).permute(2, 0, 1)
        frames = torch.full((len(features),), len(log_probs))
        loss: Tensor = self.loss(log_probs, tokens, frames, torch.full((len(tokens),), TOKENS))
        return loss

    def on_train_start(self) -> None:
        """Leave the time where `start` finds it."""
        Path(self.folder, f"first_step.{os.getpid()}").write_text(str(time.time()))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """One step."""
        return self.loss_of(batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """One batch of the validation set."""
        self.log("val_loss", self.loss_of(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=self.lr)


def loader(num_utterances: int, shuffle: bool) -> DataLoader[tuple[Tensor, ...]]:
    """Log-mel features, (N, C, T), of noise, and random tokens."""
    features = [
        torchaudio.compliance.kaldi.fbank(
            torch.randn(1, SAMPLES), num_mel_bins=MEL_BINS, sample_frequency=SAMPLE_RATE
        ).T
        for _ in range(num_utterances)
    ]
    tokens = torch.randint(1, SYMBOLS, (num_utterances, TOKENS))
    return DataLoader(TensorDataset(torch.stack(features), tokens), batch_size=16, shuffle=shuffle)


def train(config: dict[str, Any]) -> None:
    """One trial."""
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        enable_progress_bar=False,
        callbacks=[TuneReportCheckpointCallback({"val_loss": "val_loss"}, on="validation_end")],
    )
    trainer.fit(PlainCTC(**config), loader(NUM_TRAIN, shuffle=True), loader(NUM_VAL, shuffle=False))


def main(folder: str) -> None:
    """Search two learning rates."""
    ray.init()
    tuner = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={"lr": tune.loguniform(1e-4, 3e-2), "folder": folder},
        tune_config=tune.TuneConfig(
            metric="val_loss", mode="min", num_samples=2, scheduler=ASHAScheduler(max_t=EPOCHS, grace_period=1)
        ),
        run_config=tune.RunConfig(name="plain", storage_path=folder),
    )
    print(tuner.fit().get_best_result().config)


if __name__ == "__main__":
    main(sys.argv[1])
