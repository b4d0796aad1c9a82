"""Contract of all encoders, and their shared layers.

Shapes: N utterances, T feature frames, C mel bins, T' output frames, V symbols, D channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tune_asr.speech.audio.frames import output_frames
from tune_asr.training.encoders.without_cudnn import time_conv

# Below a mel bin's variance in real speech by orders of magnitude; only digital silence comes near.
VARIANCE_FLOOR = 1e-5


class Encoder(nn.Module):
    """Log-mel features -> log-probabilities.

    A subclass sets `subsample` and `output`, and implements `context`.

    Padding never changes an utterance's output, in training neither, but for rounding: no layer mixes frames after an
    utterance's end into those before it, and none takes statistics over a batch. No Python here depends on data, so
    that every encoder can be exported.
    """

    subsample: Subsampling
    output: nn.Linear

    def forward(self, x: Tensor, x_lens: Tensor) -> tuple[Tensor, Tensor]:
        """Features -> log-probabilities.

        Args:
            x: (N, T, C); values after an utterance's end have no effect.
            x_lens: (N,) int64, at least 1 and at most T.

        Returns:
            log_probs: (N, T', V), float32 under every precision.
            log_probs_len: (N,) int64.
        """
        x = normalise(x.float(), x_lens).to(self.output.weight.dtype)
        x, lengths = self.subsample(x, x_lens)
        logits = self.output(self.context(x, lengths))
        # Autocast leaves log_softmax in the type of its input on a CPU, and bfloat16 has three digits.
        return logits.float().log_softmax(-1), lengths

    def context(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Mix each frame with its neighbours.

        (N, T', D) with zero padding, (N,) -> (N, T', any).
        """
        raise NotImplementedError


class Subsampling(nn.ModuleList):
    """Convolutions of stride 2, each followed by SiLU.

    Args:
        num_mel_bins: C.
        dim: D.
        subsampling: feature frames an output frame; 1, 2, 4 or 8. Of 1, one convolution that keeps all frames.
    """

    def __init__(self, num_mel_bins: int, dim: int, subsampling: int) -> None:
        self.stride = min(2, subsampling)
        num_convs = max(1, subsampling.bit_length() - 1)
        super().__init__(TimeConv(dim if i else num_mel_bins, dim, 3, self.stride) for i in range(num_convs))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Keep padding zero.

        (N, T, C), (N,) -> (N, T', D), (N,).
        """
        for conv in self:
            x = F.silu(conv(x))
            lengths = output_frames(lengths, self.stride)
            x = x * frame_mask(lengths, x.shape[1]).to(x.dtype)
        return x, lengths


class TimeConv(nn.Module):
    """Convolution over the frames of (N, T, channels), zero-padded.

    It runs as a 2-D convolution in channels-last memory, which is what (N, T, channels) already is: nothing is
    transposed, and on a CPU the depthwise case takes half the time of `nn.Conv1d`. On a GPU it runs without cuDNN.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        conv = nn.Conv2d(
            in_channels, out_channels, (1, kernel_size), (1, stride), padding=(0, kernel_size // 2), groups=groups
        )
        self.conv = conv.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve.

        (N, T, in) -> (N, T / stride rounded up, out).
        """
        if x.is_cuda:
            conv = self.conv
            return time_conv(x, conv.weight.squeeze(2), conv.bias, conv.stride[1], conv.groups)
        y: Tensor = self.conv(x.transpose(1, 2).unsqueeze(2))
        return y.squeeze(2).transpose(1, 2)


def scores(dim: int, num_symbols: int) -> nn.Linear:
    """Output layer; no symbol is preferred at the start."""
    output = nn.Linear(dim, num_symbols)
    nn.init.zeros_(output.bias)
    return output


def normalise(x: Tensor, lengths: Tensor) -> Tensor:
    """Normalise each mel bin of an utterance.

    Its mean becomes 0 and its variance 1. Values after the utterance's end become zero.

    Args:
        x: (N, T, C).
        lengths: (N,) int64.
    """
    mask = frame_mask(lengths, x.shape[1])
    count = lengths[:, None, None]
    # where, not times: padding may be infinite
    mean = x.where(mask, 0).sum(1, keepdim=True) / count
    centred = (x - mean).where(mask, 0)
    variance = centred.square().sum(1, keepdim=True) / count
    return centred * (variance + VARIANCE_FLOOR).rsqrt()


def frame_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """Mask of valid frames: (N,) -> (N, num_frames, 1) bool."""
    return (torch.arange(num_frames, device=lengths.device) < lengths[:, None]).unsqueeze(2)
