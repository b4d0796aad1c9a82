"""CUDA graphs for the steps of a training."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch

from tune_asr.training.graphs.backend import Backend, CudaGraphs
from tune_asr.training.graphs.cache import Graphs
from tune_asr.training.module import SimpleCTCModule


def on_cuda(device: torch.device) -> Backend | None:
    """Return a recorder for a CUDA device, None for another."""
    return CudaGraphs(device) if device.type == "cuda" else None


class Capture(pl.Callback):
    """Give a built-in module its graphs for one training.

    A custom class and other devices go without.

    Args:
        backend: recorder of a device.
    """

    def __init__(self, backend: Callable[[torch.device], Backend | None] = on_cuda) -> None:
        self._backend = backend

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make them, with the weights where they stay."""
        backend = self._backend(pl_module.device)
        if backend is None:
            return
        if isinstance(pl_module, SimpleCTCModule) and pl_module.is_built_in:
            pl_module.graphs = Graphs(pl_module.encoder, backend)
        else:
            warnings.warn("trainer.cuda_graphs: the steps of a custom class run without graphs", stacklevel=1)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give up their memory."""
        if isinstance(pl_module, SimpleCTCModule):
            pl_module.graphs = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Give up their memory."""
        self.on_train_end(trainer, pl_module)
