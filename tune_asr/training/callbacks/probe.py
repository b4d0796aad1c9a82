"""Largest batch, tried before training.

Too little memory is then reported at once, not in the first epoch.

On a GPU alone. A CPU gives no error if memory runs out: the system ends the process.
"""

from __future__ import annotations

import lightning.pytorch as pl
import torch

from tune_asr.speech.audio.frames import FRAMES_PER_SECOND
from tune_asr.training.augment.perturb import change_speed
from tune_asr.training.batching import Batch
from tune_asr.training.card import too_little_memory
from tune_asr.training.data import SpeechDataModule
from tune_asr.training.module import SimpleCTCModule


class LongestBatchProbe(pl.Callback):
    """Try the largest possible batch before training on a GPU.

    Args:
        data: built-in data; None for a custom class, whose largest batch is unknown.
    """

    def __init__(self, data: SpeechDataModule | None) -> None:
        self.data = data

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Probe built-in data and modules."""
        if self.data is None or not isinstance(pl_module, SimpleCTCModule):
            return
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)  # an earlier training of the process may have had more
            with trainer.precision_plugin.train_step_context():
                probe(pl_module, self.data.longest_batch())
            torch.cuda.empty_cache()


def probe(module: SimpleCTCModule, batch: Batch) -> None:
    """Run a batch through a module and back.

    There is room for AdamW's two moments beside it. Nothing of it stays.

    Raises:
        SettingError: memory is too small; it has the size of the batch.
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
        raise too_little_memory(f"the longest batch, {size},", error) from error
    finally:
        module.zero_grad(set_to_none=True)
