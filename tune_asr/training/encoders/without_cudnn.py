"""Convolutions over time for a GPU, computed without cuDNN.

cuDNN chooses a plan for each new shape, 25 ms a convolution, and nearly every batch has a new number of frames. Here a
depthwise convolution is torch's own kernel, every other one a product of matrices. The results equal those of the
modules on a CPU but for rounding.

Shapes: N utterances, T frames, C channels, D output channels, K taps.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def time_conv(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, groups: int) -> Tensor:
    """Convolve over time with zero padding and an odd kernel.

    (N, T, C) -> (N, T / stride rounded up, D).

    Args:
        x: (N, T, C).
        weight: (D, C / groups, K).
        bias: (D,) or None.
        stride: input frames an output frame.
        groups: 1, or C for a depthwise convolution.
    """
    if groups > 1:
        return depthwise(x.transpose(1, 2), weight, bias).transpose(1, 2)
    taps = weight.shape[2]
    padded = F.pad(x, (0, 0, taps // 2, taps // 2))
    return F.linear(padded.unfold(1, taps, stride).flatten(2), weight.flatten(1), bias)


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve each channel alone.

    (N, C, T), (C, 1, K) -> (N, C, T).
    """
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    out: Tensor = _Depthwise.apply(x.contiguous(), weight.contiguous(), bias)
    return out


class _Depthwise(torch.autograd.Function):
    """Keep cuDNN off in both directions.

    Autograd alone would choose again on the way back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        with torch.backends.cudnn.flags(enabled=False):
            return F.conv1d(x, weight, bias, padding=weight.shape[2] // 2, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        channels, taps = x.shape[1], weight.shape[2]
        needed = [*ctx.needs_input_grad[:2], ctx.has_bias and ctx.needs_input_grad[2]]
        with torch.backends.cudnn.flags(enabled=False):
            found: tuple[Tensor | None, ...] = torch.ops.aten.convolution_backward(
                gradients[0].contiguous(),
                x,
                weight,
                [channels] if ctx.has_bias else None,
                [1],
                [taps // 2],
                [1],
                False,
                [0],
                channels,
                needed,
            )
        return found


def conformer_convolution(module: Any, x: Tensor, mask: Tensor) -> Tensor:
    """Run a Conformer's convolution module.

    (T, N, C) -> (T, N, C).

    Args:
        module: torchaudio's `_ConvolutionModule`, with a norm over channels in the BatchNorm's place.
        x: (T, N, C), normalised.
        mask: (N, T, 1) bool, true up to each utterance's end.
    """
    widen, _, along, norm, activation, narrow, dropout = module.sequential
    y = F.glu(_pointwise(widen, x), 2) * mask.transpose(0, 1)
    y = norm(depthwise(y.permute(1, 2, 0), along.weight, along.bias))
    out: Tensor = dropout(_pointwise(narrow, activation(y).permute(2, 0, 1)))
    return out


def _pointwise(conv: nn.Conv1d, x: Tensor) -> Tensor:
    return F.linear(x, conv.weight.squeeze(2), conv.bias)
