"""Losses of the training steps of one epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from tune_asr.errors import DataError
from tune_asr.training.batching import Batch
from tune_asr.training.epochs import Diverged, Epoch
from tune_asr.training.measured import batch_loss


class StepLosses:
    """Losses of one epoch, all of them finite.

    On a CPU they are read after each step, on another device all at once.

    Each reading from a GPU would wait for the step to end.

    Args:
        history: epochs before.
    """

    def __init__(self, history: Sequence[Epoch] = ()) -> None:
        self.history = history
        self._values: list[float] = []
        self._unread: list[tuple[Tensor, str, Sequence[str]]] = []
        """Steps on a device: loss and whether features are finite, place, utterances."""

    def __len__(self) -> int:
        return len(self._values) + len(self._unread)

    def add(self, trainer: pl.Trainer, outputs: Mapping[str, Any], batch: object, where: str) -> None:
        """Add a step, unless a custom module gave no loss.

        Raises:
            DataError: features are not finite.
            Diverged: the loss is not finite.
        """
        if (loss := outputs.get("loss")) is None:
            return
        ids = batch.ids if isinstance(batch, Batch) else ()
        if loss.device.type == "cpu":
            value = batch_loss(trainer, outputs)
            assert value is not None
            is_finite = math.isfinite(value) or not isinstance(batch, Batch) or bool(batch.features.isfinite().all())
            self._keep(value, where, () if is_finite else ids)
        else:
            loss = loss.detach().float()
            finite = batch.features.isfinite().all() if isinstance(batch, Batch) else torch.ones_like(loss)
            self._unread.append((torch.stack([loss, finite.float()]), where, ids))

    def read(self, trainer: pl.Trainer) -> None:
        """Read the losses from the device.

        Raises:
            DataError: features are not finite.
            Diverged: a loss is not finite.
        """
        values = torch.stack([step[0] for step in self._unread]).tolist() if self._unread else []
        for (loss, is_finite), (_, where, ids) in zip(values, self._unread, strict=True):
            self._keep(loss * trainer.accumulate_grad_batches, where, () if is_finite else ids)
        self._unread = []

    def mean(self) -> float:
        """Return the mean loss, 0 without a step."""
        return math.fsum(self._values) / max(len(self._values), 1)

    def _keep(self, loss: float, where: str, not_finite: Sequence[str]) -> None:
        if not math.isfinite(loss):
            if not_finite:
                raise DataError(f"data.target yields features that are not finite, in {where}: {', '.join(not_finite)}")
            raise Diverged(f"the training loss is {loss} in {where}", self.history)
        self._values.append(loss)
