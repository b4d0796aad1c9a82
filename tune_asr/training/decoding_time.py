"""Real-time factor of decoding: seconds of compute per second of speech.

It is measured over the validation steps of the first epoch, each a forward pass, the best path and the loss; features
are in memory then. Trials share a machine, so the seconds are not those of a clock:

    CPU     seconds of CPU time, summed over threads. A process that waits for a core pays nothing; a neighbour that
            fills caches and memory still costs some
    CUDA    seconds of the stream from the first kernel of a step to its last. Trials that share a GPU slow each
            other: compare them with one trial a GPU
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from tune_asr.speech.audio.frames import FRAMES_PER_SECOND
from tune_asr.training.batching import Batch


class DecodingTime:
    """Compute of validation steps, and the speech in them.

    Args:
        clock: seconds of CPU time of the process.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._frames = 0
        self._seconds = 0.0
        self._began = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._is_measured = True

    def begin(self, device: torch.device) -> None:
        """Begin a step."""
        self._is_measured &= device.type in ("cpu", "cuda")
        if device.type == "cuda":
            self._events.append((_mark(), _mark()))
            self._events[-1][0].record()
        self._began = self._clock()

    def end(self, device: torch.device, batch: object) -> None:
        """End the step of a batch."""
        self._seconds += self._clock() - self._began
        if device.type == "cuda":
            self._events[-1][1].record()
        self._is_measured &= isinstance(batch, Batch)
        if isinstance(batch, Batch):
            self._frames += int(batch.on_cpu().feature_lengths.sum())

    def rtf(self) -> float | None:
        """Return the factor, None for other devices and custom batches."""
        if not self._is_measured or not self._frames:
            return None
        if self._events:
            self._events[-1][1].synchronize()
            self._seconds = sum(began.elapsed_time(ended) for began, ended in self._events) / 1000
        return self._seconds * FRAMES_PER_SECOND / self._frames


def _mark() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
