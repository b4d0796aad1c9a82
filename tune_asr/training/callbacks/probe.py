"""The longest batch, tried before training: too little memory is told at once, and not as a crash in the first epoch.

On a GPU alone. On a CPU nothing says that memory ran out: the system ends the process.
"""

from __future__ import annotations

import lightning.pytorch as pl
import torch

from tune_asr.errors import SettingError
from tune_asr.speech.audio.frames import FRAMES_PER_SECOND
from tune_asr.training.augment.perturb import change_speed
from tune_asr.training.batching import Batch
from tune_asr.training.data import SpeechDataModule
from tune_asr.training.module import SimpleCTCModule


class LongestBatchProbe(pl.Callback):
    """Before training, on a GPU: the loss and the gradients of the largest batch there can be.

    Args:
        data: built-in data; None for a custom class, whose largest batch is unknown.
    """

    def __init__(self, data: SpeechDataModule | None) -> None:
        self.data = data

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See `probe`. Users' own data and modules are left alone: what is largest there, nobody knows."""
        if not isinstance(pl_module, SimpleCTCModule) or self.data is None:
            return
        if pl_module.device.type == "cuda":
            with trainer.precision_plugin.train_step_context():
                probe(pl_module, self.data.longest_batch())
            torch.cuda.empty_cache()


def probe(module: SimpleCTCModule, batch: Batch) -> None:
    """Run a batch through a module and back, with room for AdamW's two moments; nothing of it stays.

    Raises:
        SettingError: there is not memory enough; it says how large the batch is and what makes it smaller.
    """
    size = f"{len(batch)} utterances of up to {batch.features.shape[1] / FRAMES_PER_SECOND:.0f} s"
    try:
        moments = [torch.empty_like(p) for p in module.parameters() for _ in range(2)]
        batch = batch.to(module.device)
        slowest = torch.full_like(batch.feature_lengths, 1 - module.perturb.speed, dtype=torch.float32)
        features, lengths = change_speed(batch.features, batch.feature_lengths, slowest, module.perturb.sample_rate)
        torch.autograd.backward(module.batch_loss(features, lengths, batch).loss)
        del moments
    except torch.OutOfMemoryError as error:
        raise SettingError(f"the longest batch, {size}, does not fit in memory: {smaller_batches(error)}") from error
    finally:
        module.zero_grad(set_to_none=True)


def smaller_batches(error: torch.OutOfMemoryError) -> str:
    """The way out of too little memory, and what torch says of it."""
    return (
        "lower data.batch_size, data.max_frames_in_batch or data.max_seconds, and raise "
        f"trainer.accumulate_grad_batches instead ({str(error).partition('.')[0]})"
    )
