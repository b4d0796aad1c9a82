"""Scores and gradients of one shape, recorded over buffers that stay.

Shapes: N utterances, T frames, C mel bins, T' output frames, V symbols.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tune_asr.training.encoders import Encoder
from tune_asr.training.graphs.backend import Backend

WARM_UPS = 3
"""Runs before a recording: libraries choose algorithms and make workspaces in the first ones."""


class Shape(NamedTuple):
    """Properties of a batch that decide its launches."""

    num_utterances: int
    """N."""
    num_frames: int
    """T."""
    num_mel_bins: int
    """C."""
    autocast: torch.dtype | None
    """Number format of mixed precision."""


class Gradients:
    """Gradients of all graphs, at addresses that stay.

    Args:
        parameters: weights of the encoder.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self._buffers = [torch.zeros_like(parameter) for parameter in self.parameters]

    def settle(self) -> None:
        """Let each weight's gradient be its buffer.

        `zero_grad` takes it away, and a step without graphs may have put another in its place.
        """
        gone = []
        for parameter, buffer in zip(self.parameters, self._buffers, strict=True):
            if parameter.grad is None:
                gone.append(buffer)
            elif parameter.grad is not buffer:
                buffer.copy_(parameter.grad)
            parameter.grad = buffer
        if gone:
            torch._foreach_zero_(gone)

    def add(self, found: tuple[Tensor, ...]) -> None:
        """Add to the buffers, as accumulation does."""
        torch._foreach_add_(self._buffers, found)


class Captured:
    """Encoder recorded for one shape, forwards and backwards.

    Args:
        encoder: built-in encoder in training.
        shape: shape of the batches.
        gradients: gradients of the encoder.
        backend: recorder.

    Raises:
        RuntimeError: the encoder cannot be recorded.
    """

    def __init__(self, encoder: Encoder, shape: Shape, gradients: Gradients, backend: Backend) -> None:
        self._encoder, self._shape, self._gradients = encoder, shape, gradients
        device = encoder.output.weight.device
        self._features = torch.zeros(shape[:3], device=device)
        self._lengths = torch.full((shape.num_utterances,), shape.num_frames, device=device)
        self._anchor = torch.zeros((), device=device, requires_grad=True)
        self._log_probs: Tensor
        self._slope: Tensor | None = None
        # Dropout must draw what it would draw without these runs.
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            with backend.aside():
                for _ in range(WARM_UPS):
                    self._forward()
                    self._slope = torch.zeros_like(self._log_probs)
                    self._found()
            self._run = backend.record(self._forward)
            self._run_back = backend.record(self._backward)
        # Its autograd graph would bind the gradients of all later steps, those without graphs too, to the recordings'
        # stream.
        self._log_probs = self._log_probs.detach()

    def log_probs(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Log-probabilities of a batch, valid until the next one.

        Args:
            features: (N, up to T, C).
            lengths: (N,) int64, on the CPU or where the features are.

        Returns:
            (N, T', V) float32, whose backward pass adds to the gradients.
        """
        num_frames = features.shape[1]
        self._features[:, :num_frames].copy_(features)
        self._features[:, num_frames:].zero_()
        self._lengths.copy_(lengths, non_blocking=True)
        scored: Tensor = _Replay.apply(self._anchor, self)
        return scored

    def replay(self) -> Tensor:
        """Run forwards."""
        self._run()
        scored: Tensor = self._log_probs.detach()
        return scored

    def replay_back(self, slope: Tensor) -> None:
        """Run backwards, from the gradient of the log-probabilities."""
        assert self._slope is not None
        self._slope.copy_(slope)
        self._gradients.settle()
        self._run_back()

    def _forward(self) -> None:
        dtype = self._shape.autocast
        kind = self._features.device.type
        # A cast that a cache keeps from earlier would not be recorded, and its weights would grow old.
        autocast = torch.autocast(kind, dtype or torch.bfloat16, enabled=dtype is not None, cache_enabled=False)
        with torch.enable_grad(), autocast:
            self._log_probs, _ = self._encoder(self._features, self._lengths)

    def _found(self) -> tuple[Tensor, ...]:
        # A backward pass runs outside of autocast, but a recording begins inside of it.
        with torch.autocast(self._features.device.type, enabled=False):
            return torch.autograd.grad(self._log_probs, self._gradients.parameters, self._slope)

    def _backward(self) -> None:
        self._gradients.add(self._found())


class _Replay(torch.autograd.Function):
    """Both directions of a recorded encoder."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, captured: Captured) -> Tensor:
        """Run forwards; the anchor gives the result a gradient."""
        ctx.captured = captured
        return captured.replay()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[None, None]:
        """Run backwards; the recording writes the gradients of weights."""
        ctx.captured.replay_back(slopes[0])
        return None, None
