"""Signs of life of a training between two reports.

An epoch may take longer than any silence that a worker is allowed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import lightning.pytorch as pl

SECONDS = 10.0


class SignsOfLife(pl.Callback):
    """Send a sign of life after some batches.

    Args:
        send: function that sends a sign of life; it takes milliseconds.
    """

    def __init__(self, send: Callable[[], None]) -> None:
        self._send, self._sent = send, time.monotonic()

    def on_train_batch_end(self, *_args: object, **_kwargs: object) -> None:
        """Send a sign after a batch of training."""
        self._tick()

    def on_validation_batch_end(self, *_args: object, **_kwargs: object) -> None:
        """Send a sign after a batch of validation."""
        self._tick()

    def _tick(self) -> None:
        if time.monotonic() - self._sent > SECONDS:
            self._send()
            self._sent = time.monotonic()
