"""Custom data module, a module that can be exported, and one that cannot."""

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from tune_asr.training.batching import Example, collate
from tune_asr.training.module import SimpleCTCModule


class Data(pl.LightningDataModule):
    vocab, blank_id = ["a", "b", " ", "_"], 3

    def setup(self, stage):
        generator = torch.Generator().manual_seed(0)
        self.examples = [
            Example(torch.randn(40 + i, 40, generator=generator), torch.tensor([0, 2, 1]), "a b", f"u{i}")
            for i in range(6)
        ]

    def train_dataloader(self):
        return DataLoader(self.examples, batch_size=2, collate_fn=lambda batch: collate(batch, 3))

    val_dataloader = train_dataloader


class Mine(SimpleCTCModule):
    def __init__(self, vocab, scheduler, blank_id, dim=8):
        super().__init__(
            vocab,
            scheduler,
            blank_id,
            model={"target": "bigru_ctc", "dim": dim, "num_layers": 1, "subsampling": 2},
            optimizer={"name": "adamw", "lr": 0.01},
            augment={"n_freq_masks": 0, "freq_mask_param": 0, "n_time_masks": 0, "time_mask_param": 0, "p": 0.0},
            num_mel_bins=40,
        )


class Other(pl.LightningModule):
    def __init__(self, vocab, scheduler, blank_id):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        return self.layer(torch.ones(1, 1)).sum()

    def validation_step(self, batch, batch_idx):
        self.log_dict({"val_wer": 1.0, "val_cer": 1.0, "val_loss": 1.0}, batch_size=2)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
