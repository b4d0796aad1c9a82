"""conv_ctc: convolutions alone; the default.

It is fast on a CPU, and every export format takes it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tune_asr.training.encoders.encoder import Encoder, Subsampling, TimeConv, frame_mask, scores

EXPANSION = 2


class ConvCTC(Encoder):
    """Masked ConvNeXt blocks (Liu et al., 2022) over time.

    Each mel bin is normalised over the utterance, strided convolutions shorten it, residual blocks look around, and a
    linear layer scores the symbols, as in QuartzNet (Kriman et al., 2020). Everything stays in (N, T, D) order: the
    fastest for LayerNorm and Linear and, on a CPU, for depthwise convolutions too.

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
        self.subsample = Subsampling(num_mel_bins, dim, subsampling)
        self.blocks = nn.ModuleList(ResidualBlock(dim, kernel_size, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim)
        self.output = scores(dim, num_symbols)

    def context(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Run the blocks.

        (N, T', D), (N,) -> the same shape.
        """
        mask = frame_mask(lengths, x.shape[1]).to(x.dtype)
        for block in self.blocks:
            x = block(x, mask)
        y: Tensor = self.norm(x)
        return y


class ResidualBlock(nn.Module):
    """Depthwise convolution over time and network over channels, residual.

    The network is `EXPANSION` times as wide as its input.

    The sum is not normalised: what a block adds is what the next one sees, however deep it stands.
    """

    def __init__(self, dim: int, kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.depthwise = TimeConv(dim, dim, kernel_size, groups=dim)
        self.pointwise = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, EXPANSION * dim), nn.SiLU(), nn.Linear(EXPANSION * dim, dim)
        )
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Keep padding zero.

        (N, T', D), (N, T', 1) -> (N, T', D).
        """
        y: Tensor = self.pointwise(self.depthwise(x))
        y = self.dropout(y.transpose(1, 2)).transpose(1, 2)
        return torch.addcmul(x, y, mask)
