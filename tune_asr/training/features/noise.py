"""Recordings of noise, read by excerpts of some seconds."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tune_asr.config.sections import Config
from tune_asr.speech.audio.noise import folder_fingerprint, noises
from tune_asr.training.features.sources import Features
from tune_asr.training.features.store import KEPT, build_or_open


@dataclass(frozen=True, slots=True)
class NoiseRecordings:
    """Log-mel features of recordings, kept in pieces."""

    features: Features
    """Features of the pieces."""
    pieces: Sequence[Sequence[int]]
    """Indices of each recording's pieces in `features`, in their order."""
    fingerprint: str | None = None
    """Hash of their folder; None for synthetic noise."""

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self.pieces)

    def excerpt(self, index: int, where: float, num_frames: int) -> Tensor:
        """Read only the pieces of the excerpt; see `perturb.Noises`."""
        pieces = self.pieces[index]
        lengths = np.array([self.features.length(piece) for piece in pieces])
        ends = lengths.cumsum()
        frames = (int(where * ends[-1]) + np.arange(num_frames)) % ends[-1]
        used, row = np.unique(np.searchsorted(ends, frames, side="right"), return_inverse=True)
        read = torch.cat([self.features[pieces[piece]] for piece in used])
        skipped = ends[used] - lengths[used].cumsum()  # frames that are not read, before each of those pieces
        return read[torch.from_numpy(frames - skipped[row])]


def load_noise(config: Config) -> NoiseRecordings | None:
    """Load the noise of section `augment`, if any."""
    if not config.augment.noise_p:
        return None
    features = config.features
    max_bytes = round(features.max_cache_gb * 1e9)
    folder, rules = config.augment.noise_dir, config.text.rules
    return _open_noise(folder, features.sample_rate, features.num_mel_bins, max_bytes, rules)


@functools.lru_cache(KEPT)
def _open_noise(
    noise_dir: str | None, sample_rate: int, num_mel_bins: int, max_bytes: int, rules: int
) -> NoiseRecordings:
    """Survey the folder once a process, as speech is."""
    folder = Path(noise_dir) if noise_dir else None
    pieces, key = noises(folder, sample_rate, decode=False, rules=rules)
    features = build_or_open(pieces, key=key, sample_rate=sample_rate, num_mel_bins=num_mel_bins, max_bytes=max_bytes)
    recordings = [list(group) for _, group in groupby(range(len(pieces)), key=lambda i: pieces[i].id)]
    return NoiseRecordings(features, recordings, folder_fingerprint(folder) if folder else None)
