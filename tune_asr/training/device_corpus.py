"""Features of a split, kept on a device.

A batch is then one gather there, instead of a copy from the host. Shapes: N utterances, T frames, C mel bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from tune_asr.training.batching import Batch, OnCPU
from tune_asr.training.encoders.encoder import frame_mask
from tune_asr.training.memory import most_memory
from tune_asr.training.shared_speech import Split

SHARE = 0.25
"""Largest share of a device's free memory: the model, its gradients and other trials need the rest."""


class Indices(Dataset[int]):
    """Indices of utterances, as a DataLoader takes them."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> int:
        return index


class DeviceSplit:
    """Split with its features in one tensor on a device.

    Args:
        split: utterances, at least one.
        device: place of the features.
        blank_id: id of the blank.
    """

    def __init__(self, split: Split, device: torch.device, blank_id: int = 0) -> None:
        self._split, self._device, self._blank_id = split, device, blank_id
        ends = list(accumulate(split.lengths))
        self._starts = [end - length for end, length in zip(ends, split.lengths, strict=True)]
        self._frames: Tensor | None = None
        for index, (start, end) in enumerate(zip(self._starts, ends, strict=True)):
            features = split.features[split.start + index]
            if self._frames is None:
                self._frames = torch.empty(ends[-1], features.shape[1], device=device)
            self._frames[start:end].copy_(features)

    def batch(self, indices: Sequence[int]) -> Batch:
        """Gather a batch, equal to the one that `collate` makes."""
        assert self._frames is not None, "a split has utterances"
        split = self._split
        lengths = torch.tensor([split.lengths[i] for i in indices])
        tokens = [torch.tensor(split.tokens[i], dtype=torch.int64) for i in indices]
        small = OnCPU(
            lengths,
            pad_sequence(tokens, batch_first=True, padding_value=self._blank_id),
            torch.tensor([len(ids) for ids in tokens]),
        )
        starts = torch.tensor([self._starts[i] for i in indices])
        starts, lengths = (self._on_device(part) for part in (starts, lengths))
        rows = starts[:, None] + torch.arange(max(small.feature_lengths.tolist()), device=self._device)
        features = self._frames[rows.clamp(max=len(self._frames) - 1)]
        return Batch(
            features=features.where(frame_mask(lengths, rows.shape[1]), 0),
            feature_lengths=lengths,
            tokens=self._on_device(small.tokens),
            token_lengths=self._on_device(small.token_lengths),
            texts=[split.utterances[i].text for i in indices],
            ids=[split.utterances[i].id for i in indices],
            kept=small if self._device.type != "cpu" else None,
        )

    def release(self) -> None:
        """Free the memory; there are no batches any more."""
        self._frames = None

    def _on_device(self, small: Tensor) -> Tensor:
        """Copy a small tensor without waiting."""
        if self._device.type == "cuda":
            small = small.pin_memory()
        return small.to(self._device, non_blocking=True)


def free_bytes(device: torch.device) -> int:
    """Return a GPU's free memory for this process.

    It is 0 for other devices, which keep nothing.
    """
    return most_memory(device) - torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def num_bytes(split: Split) -> int:
    """Return the size of a split's features."""
    frame = split.features[split.start][:1].nbytes if len(split) else 0
    return sum(split.lengths) * frame
