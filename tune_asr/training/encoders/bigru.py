"""bigru_ctc: bidirectional GRUs, as in Deep Speech 2.

Amodei et al., 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tune_asr.training.encoders.encoder import Encoder, Subsampling, scores


class BiGRUCTC(Encoder):
    """Strided convolutions, bidirectional GRUs (Cho et al., 2014), linear layer.

    A packed sequence would keep padding out, but cannot be exported. So the backward GRU runs forward over an utterance
    that is reversed within its own length: neither direction meets the padding before the utterance.

    Args:
        num_mel_bins: C.
        num_symbols: V, the blank among them.
        dim: D, units of each direction.
        num_layers: layers of two directions each.
        subsampling: feature frames an output frame; 1, 2, 4 or 8.
        dropout: probability that a value is dropped between layers.
    """

    def __init__(
        self,
        num_mel_bins: int,
        num_symbols: int,
        *,
        dim: int = 96,
        num_layers: int = 2,
        subsampling: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.subsample = Subsampling(num_mel_bins, dim, subsampling)
        inputs = [dim, *[2 * dim] * (num_layers - 1)]
        self.forwards = nn.ModuleList(nn.GRU(size, dim, batch_first=True) for size in inputs)
        self.backwards = nn.ModuleList(nn.GRU(size, dim, batch_first=True) for size in inputs)
        self.norms = nn.ModuleList(nn.LayerNorm(2 * dim) for _ in inputs)
        self.dropout = nn.Dropout(dropout)
        self.output = scores(2 * dim, num_symbols)

    def context(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(N, T', D), (N,) -> (N, T', 2 D)."""
        mirror = mirrored(lengths, x.shape[1])
        for forwards, backwards, norm in zip(self.forwards, self.backwards, self.norms, strict=True):
            ahead, _ = forwards(x)
            back, _ = backwards(reorder(x, mirror))
            x = self.dropout(norm(torch.cat([ahead, reorder(back, mirror)], 2)))
        return x


def mirrored(lengths: Tensor, num_frames: int) -> Tensor:
    """Index of each frame in its reversed utterance, padding unmoved.

    (N,) -> (N, T) int64.
    """
    frames = torch.arange(num_frames, device=lengths.device)
    return torch.where(frames < lengths[:, None], lengths[:, None] - 1 - frames, frames)


def reorder(x: Tensor, order: Tensor) -> Tensor:
    """Gather frames in an order.

    (N, T, D), (N, T) -> (N, T, D).
    """
    return x.gather(1, order.unsqueeze(2).expand(-1, -1, x.shape[2]))
