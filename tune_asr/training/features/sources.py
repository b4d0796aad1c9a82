"""Features computed from recordings, one or many at once.

Shapes: N utterances, T frames each, C mel bins.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tune_asr.errors import ConfigError
from tune_asr.speech.audio.frames import num_feature_frames, num_samples_at
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.progress import watched
from tune_asr.speech.samples import samples_of
from tune_asr.training.features.fbank import CPU
from tune_asr.training.features.log_mel import log_mel, log_mels

TOGETHER = 6
"""Utterances that a thread reads and computes at once."""
TOGETHER_ON_GPU = 64
Frames = npt.NDArray[np.float32]


class Features(Protocol):
    """Features by utterance index, (T, C) float32."""

    def __len__(self) -> int:
        """N."""
        ...

    def __getitem__(self, index: int) -> Tensor:
        """Features of one utterance, (T, C), free to change."""
        ...

    def length(self, index: int) -> int:
        """Frames of one utterance (T)."""
        ...


@dataclass(frozen=True)
class LiveFeatures:
    """Features computed at every access, kept nowhere."""

    utterances: Sequence[Utterance]
    """N utterances."""
    sample_rate: int
    """Hz; other rates are resampled to it."""
    num_mel_bins: int
    """C."""
    device: torch.device = CPU
    """Device that computes those of `all`."""

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Tensor:
        """Compute one utterance's features, (T, C).

        Raises:
            DataError: the recording cannot be read.
        """
        return torch.from_numpy(features_of(self.utterances[index], self.sample_rate, self.num_mel_bins))

    def length(self, index: int) -> int:
        """Frames of one utterance (T)."""
        return int(self._lengths[index])

    @property
    def num_bytes(self) -> int:
        """Size of all features."""
        return int(self._lengths.sum()) * self.num_mel_bins * np.dtype(np.float32).itemsize

    def all(self) -> Iterator[Frames]:
        """Yield all features in order, one thread per CPU.

        A few of them are in memory at a time, however slowly they are taken.
        """
        # torch and libsndfile let other threads run while they work, and a process would import torch first.
        num_threads = len(os.sched_getaffinity(0))
        return watched(self._computed(num_threads), len(self), "features")

    def _computed(self, num_threads: int) -> Iterator[Frames]:
        ahead: deque[Future[list[Frames]]] = deque()
        # Each of our threads would start as many of torch's: with 16, twice the CPU time, and half as long again.
        torchs_own = torch.get_num_threads()
        torch.set_num_threads(1)
        together = TOGETHER if self.device == CPU else TOGETHER_ON_GPU
        with ThreadPoolExecutor(num_threads) as pool:
            try:
                for first in range(0, len(self), together):
                    ahead.append(pool.submit(self._block, self.utterances[first : first + together]))
                    if len(ahead) > num_threads:
                        yield from ahead.popleft().result()
                while ahead:
                    yield from ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()
                torch.set_num_threads(torchs_own)

    def _block(self, utterances: Sequence[Utterance]) -> list[Frames]:
        """Compute some utterances together.

        Small operators would hold the interpreter's lock most of the time.
        """
        recordings = [samples_of(utterance) for utterance in utterances]
        rate, bins = self.sample_rate, self.num_mel_bins
        made = log_mels(recordings, sample_rate=rate, num_mel_bins=bins, device=self.device)
        return [frames.cpu().numpy() for frames in made]

    @cached_property
    def _lengths(self) -> npt.NDArray[np.int64]:
        samples = (num_samples_at(utterance.seconds, self.sample_rate) for utterance in self.utterances)
        return np.array([num_feature_frames(number, self.sample_rate) for number in samples], np.int64)


def device_of(name: Literal["cpu", "gpu"]) -> torch.device:
    """Return the device of `features.device`.

    Raises:
        ConfigError: it is a GPU, and torch sees none.
    """
    if name == "cpu":
        return CPU
    if not torch.cuda.is_available():
        what = "features.device is gpu, but torch sees no GPU here"
        raise ConfigError(what, hint="Set features.device to cpu, or use a GPU.")
    return torch.device("cuda", torch.cuda.current_device())


def features_of(utterance: Utterance, sample_rate: int, num_mel_bins: int) -> Frames:
    """Log-mel features of a recording, (T, C); raises as `samples_of`."""
    samples, sample_rate_in = samples_of(utterance)
    frames: Frames = log_mel(samples, sample_rate_in, sample_rate=sample_rate, num_mel_bins=num_mel_bins).numpy()
    return frames
