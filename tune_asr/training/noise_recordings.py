"""Recordings of noise, of which a training hears some seconds at a time and reads hardly more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tune_asr.training.feature_sources import Features


@dataclass(frozen=True, slots=True)
class NoiseRecordings:
    """Log-mel features of recordings that are kept in pieces.

    Attributes:
        features: of the pieces.
        pieces: of each recording, in their order: indices of `features`.
        fingerprint: of the folder that they come from; None where they are made up.
    """

    features: Features
    pieces: Sequence[Sequence[int]]
    fingerprint: str | None = None

    def __len__(self) -> int:
        """How many recordings there are."""
        return len(self.pieces)

    def excerpt(self, index: int, where: float, num_frames: int) -> Tensor:
        """See `perturb.Noises`: only the pieces that it lies in are read."""
        pieces = self.pieces[index]
        lengths = np.array([self.features.length(piece) for piece in pieces])
        ends = lengths.cumsum()
        frames = (int(where * ends[-1]) + np.arange(num_frames)) % ends[-1]
        used, row = np.unique(np.searchsorted(ends, frames, side="right"), return_inverse=True)
        read = torch.cat([self.features[pieces[piece]] for piece in used])
        skipped = ends[used] - lengths[used].cumsum()  # frames that are not read, before each of those pieces
        return read[torch.from_numpy(frames - skipped[row])]
