"""How far the batches of an epoch have come: a bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tune_asr.training.measured import batch_loss

_SECONDS_BETWEEN_DRAWINGS = 0.2
_WIDTH = 30


class EpochBar(pl.Callback):
    """Draws a bar for each epoch, by the training's own loop: no thread takes time from a training on one core."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", visible=False)
        self._drawn = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """An empty bar, as long as the epoch where that is known."""
        batches = trainer.num_training_batches
        total = int(batches) if math.isfinite(batches) else None
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._progress.reset(self._task, total=total, visible=True, description=epoch, loss="")
        self._progress.refresh()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One further."""
        now = time.monotonic()
        if now - self._drawn < _SECONDS_BETWEEN_DRAWINGS:
            return
        self._drawn = now
        loss = batch_loss(trainer, outputs)
        told = "" if loss is None else f"loss {loss:.3f}"
        self._progress.update(self._task, completed=batch_idx + 1, loss=told, refresh=True)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The epoch's batches are through."""
        total = self._progress.tasks[self._task].total
        self._progress.update(self._task, completed=total or 0, loss="validates", refresh=True)


@contextmanager
def epoch_bar() -> Iterator[list[pl.Callback]]:
    """The bar as callbacks of a training: none where stderr is no terminal that can move its cursor.

    Lines written to stderr meanwhile stand above it.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        yield []
        return
    console = Console(stderr=True, highlight=False, markup=False, emoji=False, force_terminal=True)
    columns = (BarColumn(_WIDTH), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[loss]}"))
    # stdout is nobody's to touch: it has the result alone.
    with Progress(
        "{task.description}", *columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False
    ) as progress:
        console.show_cursor(True)  # a training that is killed could not bring it back
        yield [EpochBar(progress)]
