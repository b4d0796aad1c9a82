"""Batches of a whole and of a resumed training, in Lightning itself."""

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from tune_asr.training.batching import BucketBatchSampler, Example, collate

LENGTHS = [10 + i for i in range(23)]


class Data(pl.LightningDataModule):
    def train_dataloader(self):
        examples = [Example(torch.ones(t, 2), torch.tensor([1]), "a", str(i)) for i, t in enumerate(LENGTHS)]
        sampler = BucketBatchSampler(LENGTHS, 4, seed=3, epoch=lambda: self.trainer.current_epoch)
        return DataLoader(examples, batch_sampler=sampler, collate_fn=collate)

    def val_dataloader(self):
        return DataLoader([0.0])


class Recorder(pl.LightningModule):
    """Notes the ids of each batch under the epoch it was seen in."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)
        self.seen = {}

    def training_step(self, batch, batch_idx):
        self.seen.setdefault(self.current_epoch, []).append([int(i) for i in batch.ids])
        return self.linear(batch.features).sum()

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class SaveAtEveryEpochsEnd(pl.Callback):
    def __init__(self, folder, hook):
        self.folder = folder
        setattr(self, hook, self.save)

    def save(self, trainer, pl_module):
        trainer.save_checkpoint(self.folder / f"{trainer.current_epoch}.ckpt")


def train(folder, hook, resume_from=None):
    module = Recorder()
    trainer = pl.Trainer(
        max_epochs=4,
        accelerator="cpu",
        callbacks=[SaveAtEveryEpochsEnd(folder, hook)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    trainer.fit(module, datamodule=Data(), ckpt_path=resume_from, weights_only=resume_from and True)
    return module.seen


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("hook", ["on_validation_end", "on_train_epoch_end"])
def test_resumed_training_sees_same_batches(tmp_path, hook):
    whole = train(tmp_path, hook)
    assert whole == {epoch: BucketBatchSampler(LENGTHS, 4, seed=3).batches(epoch) for epoch in range(4)}
    for epoch in range(3):
        resumed = train(tmp_path, hook, tmp_path / f"{epoch}.ckpt")
        assert resumed == {later: whole[later] for later in range(epoch + 1, 4)}
