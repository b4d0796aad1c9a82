"""Signs of life of a training between two reports.

An epoch may take longer than any silence that a worker is allowed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import lightning.pytorch as pl

SECONDS = 10.0


class SignsOfLife(pl.Callback):
    """Say something at a batch, now and then.

    Args:
        say: function that says it; it takes milliseconds.
    """

    def __init__(self, say: Callable[[], None]) -> None:
        self._say, self._said = say, time.monotonic()

    def on_train_batch_end(self, *_args: object, **_kwargs: object) -> None:
        """Say something after a batch of training."""
        self._tick()

    def on_validation_batch_end(self, *_args: object, **_kwargs: object) -> None:
        """Say something after a batch of validation."""
        self._tick()

    def _tick(self) -> None:
        if time.monotonic() - self._said > SECONDS:
            self._say()
            self._said = time.monotonic()
