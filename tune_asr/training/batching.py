"""Padded batches, in an order that depends on (seed, epoch) alone.

Shapes: N utterances, T frames, C mel bins, U tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler

from tune_asr.errors import DataError
from tune_asr.training.seeding import generator

# Two utterances closer than this may change places between epochs, so that batches are not the same ones each time.
LENGTH_JITTER = 0.05


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance, ready for `collate`."""

    features: Tensor
    """(T, C) float32"""
    tokens: Tensor
    """(U,) int64"""
    text: str
    """Reference."""
    id: str
    """Name of the utterance in its manifest."""


@dataclass(slots=True)
class OnCPU:
    """Small tensors of a batch, on the CPU."""

    feature_lengths: Tensor
    """(N,) int64"""
    tokens: Tensor
    """(N, U) int64"""
    token_lengths: Tensor
    """(N,) int64"""


@dataclass(slots=True)
class Batch:
    """Utterances padded to the longest.

    Not frozen, since Lightning refuses to convert a frozen one's precision.
    """

    features: Tensor
    """(N, T, C) float32, zero after each utterance's end"""
    feature_lengths: Tensor
    """(N,) int64"""
    tokens: Tensor
    """(N, U) int64, blank after each transcript's end"""
    token_lengths: Tensor
    """(N,) int64"""
    texts: list[str]
    """N references"""
    ids: list[str]
    """N utterance ids"""
    kept: OnCPU | None = None
    """Small tensors from before the transfer to a device; see `on_cpu`."""

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Copy the batch to a device; called by Lightning.

        A copy from page-locked memory to a GPU does not wait.
        """
        device = torch.device(device)
        non_blocking |= device.type == "cuda"
        moved = self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))
        if device.type != "cpu":
            moved.kept = self.on_cpu()
        return moved

    def pin_memory(self) -> Batch:
        """Copy the batch into page-locked memory; called by the DataLoader."""
        return self._map(lambda tensor: tensor.pin_memory())

    def on_cpu(self) -> OnCPU:
        """Lengths and tokens on the CPU; no waiting after `to`."""
        if self.kept is None:
            return OnCPU(self.feature_lengths.cpu(), self.tokens.cpu(), self.token_lengths.cpu())
        return self.kept

    def check(self) -> None:
        """Check types and lengths.

        Raises:
            DataError: a part is of a wrong kind, or a length does not fit its tensor.
        """
        if self.features.dtype != torch.float32:
            what = f"data.target yields features in {self.features.dtype}, but they must be float32"
            raise DataError(what, hint="Convert them in the Dataset or the collate_fn: features.float().")
        for name in ("texts", "ids"):
            for value in getattr(self, name):
                if not isinstance(value, str):
                    raise DataError(f"data.target yields {value!r} among `{name}`, but each of them must be a str")
        small = self.on_cpu()
        frames, symbols = self.features.shape[1], self.tokens.shape[1]
        # numpy: on such small arrays it takes a tenth of torch's time
        feature_lengths, token_lengths = small.feature_lengths.numpy(), small.token_lengths.numpy()
        wrong = (feature_lengths < 1) | (feature_lengths > frames)
        wrong |= (token_lengths < 0) | (token_lengths > symbols)
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f"utterance {self.ids[row]}: its feature length is {feature_lengths[row]}, its token length "
                f"{token_lengths[row]}, but in its batch they must be in 1..{frames} and 0..{symbols}",
                hint="Correct feature_lengths and token_lengths of data.target.",
            )

    def _map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(
            function(self.features),
            function(self.feature_lengths),
            function(self.tokens),
            function(self.token_lengths),
            self.texts,
            self.ids,
            self.kept,
        )


def collate(examples: Sequence[Example], blank_id: int = 0) -> Batch:
    """Pad examples into one batch, in their order."""
    return Batch(
        features=pad_sequence([example.features for example in examples], batch_first=True),
        feature_lengths=torch.tensor([len(example.features) for example in examples]),
        tokens=pad_sequence([example.tokens for example in examples], batch_first=True, padding_value=blank_id),
        token_lengths=torch.tensor([len(example.tokens) for example in examples]),
        texts=[example.text for example in examples],
        ids=[example.id for example in examples],
    )


class BucketBatchSampler(Sampler[list[int]]):
    """Batches of indices, utterances of similar length together.

    Lightning 2.6.6 never calls `set_epoch` on a batch sampler (`_set_sampler_epoch` looks at `dataloader.sampler` and
    `batch_sampler.sampler` alone), and it makes the first iterator before it sets the epoch (`FitLoop.setup_data`;
    Lightning#21938). So this sampler keeps no epoch: it asks `epoch()` when the first batch is drawn. With
    `num_workers=0` that happens inside the epoch, where `trainer.current_epoch` is right, also after a resume, whether
    the checkpoint was saved in `on_validation_end` or in `on_train_epoch_end`. Worker processes would draw as soon as
    the iterator is made, and replay an epoch after the latter.

    Args:
        lengths: frames of each utterance.
        batch_size: utterances a batch; the last one cut may be smaller.
        max_frames: frames a batch, padding included; an utterance that is longer by itself is a batch of its own.
        seed: seed of the training.
        epoch: current epoch, for instance `lambda: trainer.current_epoch`.
        shuffle: false, as for validation: sorted by length, the same each time.
        bucketing: false: a plain shuffle over all utterances.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        *,
        max_frames: int | None = None,
        seed: int = 0,
        epoch: Callable[[], int] = lambda: 0,
        shuffle: bool = True,
        bucketing: bool = True,
    ) -> None:
        self.lengths = torch.tensor(lengths, dtype=torch.float64)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.shuffle = shuffle
        self.bucketing = bucketing
        self._longest = self._longest_at_each_place()
        self._ends = self._cuts(max_frames)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[list[int]]:
        yield from self.batches(self.epoch())

    def batches(self, epoch: int) -> list[list[int]]:
        """Batches of an epoch, in order."""
        if not self.shuffle:
            return self._cut(self.lengths)
        random = generator(self.seed, "batches", epoch)
        noise = torch.rand(len(self.lengths), generator=random, dtype=torch.float64)
        if not self.bucketing:
            return self._cut(noise)
        batches = self._cut(self.lengths * (1 + LENGTH_JITTER * (2 * noise - 1)))
        return [batches[i] for i in torch.randperm(len(batches), generator=random).tolist()]

    def _cut(self, keys: Tensor) -> list[list[int]]:
        # Ascending, so that the batch that is not full is the one of the longest utterances.
        order: list[int] = torch.argsort(keys, stable=True).tolist()
        return [order[start:end] for start, end in pairwise([0, *self._ends])]

    def largest(self) -> list[int]:
        """Return the indices of the largest batch, with padding."""
        batches = ((end - start, self._longest[end - 1]) for start, end in pairwise([0, *self._ends]))
        count, longest = max(batches, key=lambda batch: batch[0] * batch[1])
        order = torch.argsort(self.lengths, stable=True)
        end = int((self.lengths <= longest).sum())
        indices: list[int] = order[end - count : end].tolist()
        return indices

    def _longest_at_each_place(self) -> list[float]:
        """Longest possible utterance at each place of an epoch.

        Sorted by jittered lengths, the place of the length L holds no utterance longer than L (1 + j) / (1 - j);
        shuffled freely, each holds any.
        """
        longest = self.lengths.sort().values
        if self.shuffle:
            jitter = (1 + LENGTH_JITTER) / (1 - LENGTH_JITTER)
            longest = (longest * jitter).clamp(max=longest[-1:]) if self.bucketing else longest[-1:].expand_as(longest)
        places: list[float] = longest.tolist()
        return places

    def _cuts(self, max_frames: int | None) -> list[int]:
        """Return the ends of an epoch's batches, in order.

        They are the same in every epoch: schedules count on their number.
        So a batch is cut by the longest utterance that can come to its last place.
        """
        ends, start = [], 0
        for place, frames in enumerate(self._longest):
            too_long = max_frames is not None and frames * (place + 1 - start) > max_frames
            if place > start and (too_long or place - start == self.batch_size):
                ends.append(place)
                start = place
        return [*ends, len(self._longest)]


def padding_share(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """Share of padding in batches, in [0, 1)."""
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / padded
