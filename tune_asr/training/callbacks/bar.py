"""Progress bar of each epoch, on a terminal alone."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tune_asr.training.measured import batch_loss
from tune_asr.wording import is_live_terminal

_SECONDS_BETWEEN_DRAWINGS = 0.2
_WIDTH = 30


class EpochBar(pl.Callback):
    """Draw a bar for each epoch from the training's loop.

    A thread would take time from the training on one core.

    Args:
        progress: display of rich, running.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", visible=False)
        self._drawn = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw an empty bar of the epoch's length, if known."""
        batches = trainer.num_training_batches
        total = int(batches) if math.isfinite(batches) else None
        epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
        self._progress.reset(self._task, total=total, visible=True, description=epoch, loss="")
        self._progress.refresh()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar by one batch."""
        now = time.monotonic()
        if now - self._drawn < _SECONDS_BETWEEN_DRAWINGS:
            return
        self._drawn = now
        loss = batch_loss(trainer, outputs)
        text = "" if loss is None else f"loss {loss:.3f}"
        self._progress.update(self._task, completed=batch_idx + 1, loss=text, refresh=True)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Fill the bar."""
        total = self._progress.tasks[self._task].total
        self._progress.update(self._task, completed=total or 0, loss="validates", refresh=True)


@contextmanager
def epoch_bar() -> Iterator[list[pl.Callback]]:
    """Yield the bar as callbacks of a training.

    There is none if stderr is not a terminal with a movable cursor.

    Lines written to stderr meanwhile appear above the bar.
    """
    if not is_live_terminal(sys.stderr):
        yield []
        return
    console = Console(stderr=True, highlight=False, markup=False, emoji=False, force_terminal=True)
    columns = (BarColumn(_WIDTH), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[loss]}"))
    # stdout has the result alone, so rich must not redirect it.
    with Progress(
        "{task.description}", *columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False
    ) as progress:
        console.show_cursor(True)  # a killed training could not restore it
        yield [EpochBar(progress)]
