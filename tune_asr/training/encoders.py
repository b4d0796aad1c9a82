"""Encoders: log-mel features -> log-probabilities of CTC symbols.

Shapes: N utterances, T feature frames, C mel bins, T' output frames, V symbols, D channels. An encoder here has no
recurrence and no Python that depends on data, so that it can be exported, and padding never changes an utterance's
output.
"""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Lengths = TypeVar("Lengths", int, Tensor)

# Below a mel bin's variance in real speech by orders of magnitude; only digital silence comes near.
VARIANCE_FLOOR = 1e-5


class ConvCTC(nn.Module):
    """Masked residual depthwise-separable convolutions, as in QuartzNet (Kriman et al., 2020) with LayerNorm.

    Each mel bin is normalised over the utterance, strided convolutions shorten it, residual blocks look around, and a
    linear layer scores the symbols. Everything stays in (N, T, D) order: the fastest for LayerNorm and Linear and, on a
    CPU, for depthwise convolutions too.

    Args:
        num_mel_bins: C.
        num_symbols: V, the blank among them.
        dim: D.
        num_layers: residual blocks.
        kernel_size: output frames a depthwise convolution spans; odd.
        subsampling: feature frames an output frame; 1, 2, 4 or 8.
        dropout: probability that a channel of a block is dropped, over the whole utterance (Tompson et al., 2015);
            drawing for each value by itself would take a seventh of a training step on a CPU.
    """

    def __init__(
        self,
        num_mel_bins: int,
        num_symbols: int,
        *,
        dim: int = 96,
        num_layers: int = 5,
        kernel_size: int = 11,
        subsampling: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.stride = min(2, subsampling)
        num_convs = max(1, subsampling.bit_length() - 1)  # each halves the frames; of 1, one that keeps them
        self.subsample = nn.ModuleList(
            TimeConv(dim if i else num_mel_bins, dim, 3, self.stride) for i in range(num_convs)
        )
        self.blocks = nn.ModuleList(ResidualBlock(dim, kernel_size, dropout) for _ in range(num_layers))
        self.output = nn.Linear(dim, num_symbols)
        # No symbol is preferred at the start, the blank neither.
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, x_lens: Tensor) -> tuple[Tensor, Tensor]:
        """Features -> log-probabilities.

        Args:
            x: (N, T, C); what stands behind an utterance's end has no effect.
            x_lens: (N,) int64, at least 1 and at most T.

        Returns:
            log_probs: (N, T', V), float32 under every precision.
            log_probs_len: (N,) int64.
        """
        x = normalise(x.float(), x_lens).to(self.output.weight.dtype)
        lengths = x_lens
        for conv in self.subsample:
            x = F.silu(conv(x))
            lengths = self.output_lengths(lengths, self.stride)
            mask = frame_mask(lengths, x.shape[1]).to(x.dtype)
            x = x * mask
        for block in self.blocks:
            x = block(x, mask)
        logits = self.output(x)
        # Autocast leaves log_softmax in the type of its input on a CPU, and bfloat16 has three digits.
        return logits.float().log_softmax(-1), lengths

    @staticmethod
    def output_lengths(lengths: Lengths, subsampling: int) -> Lengths:
        """Output frames of utterances of so many feature frames: lengths / subsampling, rounded up."""
        return (lengths + subsampling - 1) // subsampling


class ResidualBlock(nn.Module):
    """A depthwise convolution over time and a pointwise one over channels, added to the input."""

    def __init__(self, dim: int, kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.depthwise = TimeConv(dim, dim, kernel_size, groups=dim)
        self.pointwise = nn.Sequential(nn.Linear(dim, dim), nn.LayerNorm(dim), nn.SiLU())
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(N, T, D) with zero padding, (N, T, 1) -> (N, T, D) with zero padding."""
        y: Tensor = self.pointwise(self.depthwise(x))
        y = self.dropout(y.transpose(1, 2)).transpose(1, 2)
        return x + y * mask


class TimeConv(nn.Module):
    """Convolution over the frames of (N, T, channels), as many zeros on either side as an odd kernel reaches over.

    It runs as a 2-D convolution in channels-last memory, which is what (N, T, channels) already is: nothing is
    transposed, and on a CPU the depthwise case takes half the time of `nn.Conv1d`.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        conv = nn.Conv2d(
            in_channels, out_channels, (1, kernel_size), (1, stride), padding=(0, kernel_size // 2), groups=groups
        )
        self.conv = conv.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, in_channels) -> (N, T / stride rounded up, out_channels)."""
        y: Tensor = self.conv(x.transpose(1, 2).unsqueeze(2))
        return y.squeeze(2).transpose(1, 2)


def normalise(x: Tensor, lengths: Tensor) -> Tensor:
    """Mean 0 and variance 1 in each mel bin over an utterance's own frames; zero behind its end.

    Args:
        x: (N, T, C).
        lengths: (N,) int64.
    """
    mask = frame_mask(lengths, x.shape[1])
    count = lengths[:, None, None]
    # where, not times: what stands in the padding may be infinite
    mean = x.where(mask, 0).sum(1, keepdim=True) / count
    centred = (x - mean).where(mask, 0)
    variance = centred.square().sum(1, keepdim=True) / count
    return centred * (variance + VARIANCE_FLOOR).rsqrt()


def frame_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """(N,) -> (N, num_frames, 1) bool, true up to each utterance's end."""
    return (torch.arange(num_frames, device=lengths.device) < lengths[:, None]).unsqueeze(2)
