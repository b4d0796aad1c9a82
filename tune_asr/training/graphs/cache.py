"""Captured shapes of an encoder."""

from __future__ import annotations

import warnings
from collections import Counter

import torch
from torch import Tensor

from tune_asr.training.encoders import Encoder
from tune_asr.training.graphs.backend import Backend
from tune_asr.training.graphs.captured import Captured, Gradients, Shape
from tune_asr.training.graphs.shapes import ignores_padding, rounded

FIRST_EAGER = 1
"""Batches of a shape before it is captured: many shapes come once, and a capture takes the time of several steps."""
MOST = 128
"""Captured shapes. Each keeps some megabytes on the device; batches of further shapes are computed without graphs."""


class Graphs:
    """Log-probabilities of training batches, by graphs if captured.

    Each shape is captured once. After a capture that failed, no graph is used any more.

    Args:
        encoder: built-in encoder, in training on its device.
        backend: recorder.
        most: captured shapes at most.
    """

    def __init__(self, encoder: Encoder, backend: Backend, most: int = MOST) -> None:
        self._encoder, self._backend, self._most = encoder, backend, most
        self._rounds = ignores_padding(encoder)
        self._gradients = Gradients(encoder.parameters())
        self._seen = Counter[Shape]()
        self._captured: dict[Shape, Captured] = {}
        self.refusal: str | None = None
        """Reason why no graph is used."""

    def __len__(self) -> int:
        return len(self._captured)

    @property
    def shapes(self) -> list[Shape]:
        """Captured shapes, in the order of their capture."""
        return list(self._captured)

    def log_probs(self, features: Tensor, lengths: Tensor) -> Tensor | None:
        """Log-probabilities of a batch.

        None if no graph has its shape.

        (N, T, C), (N,) -> (N, T', V), T' of the rounded T.
        """
        if self.refusal is not None:
            return None
        shape = self._shape(features)
        if shape not in self._captured:
            self._seen[shape] += 1
            if self._seen[shape] <= FIRST_EAGER or len(self) >= self._most:
                return None
            self._capture(shape)
        captured = self._captured.get(shape)
        return None if captured is None else captured.log_probs(features, lengths)

    def _shape(self, features: Tensor) -> Shape:
        count, frames, bins = features.shape
        kind = features.device.type
        autocast = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        return Shape(count, rounded(frames) if self._rounds else frames, bins, autocast)

    def _capture(self, shape: Shape) -> None:
        if not self._backend.has_room():
            self._refuse("memory does not hold the largest batch twice")
            return
        try:
            self._captured[shape] = Captured(self._encoder, shape, self._gradients, self._backend)
        except RuntimeError as error:
            self._refuse(_reason(error))

    def _refuse(self, why: str) -> None:
        self.refusal = why
        self._captured.clear()
        warnings.warn(f"trainer.cuda_graphs: from here on, steps run without graphs: {why}", stacklevel=2)


def _reason(error: RuntimeError) -> str:
    # The end of a capture that has failed raises again, without the reason. No frame of the traceback may keep the
    # error: its frames hold the tensors of the capture.
    first = error.__context__ or error
    is_full = isinstance(first, torch.OutOfMemoryError)
    return "memory is too small for another graph" if is_full else str(first).partition("\n")[0]
