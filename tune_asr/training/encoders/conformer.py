"""conformer_ctc: torchaudio's Conformer (Gulati et al., 2020), exact about padding."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from tune_asr.training.encoders.encoder import Encoder, Subsampling, frame_mask, scores
from tune_asr.training.encoders.without_cudnn import conformer_convolution
from tune_asr.training.features.fbank import import_torchaudio

DEPTHWISE, BATCH_NORM = 2, 3  # places in the `sequential` of torchaudio's convolution module


class ConformerCTC(Encoder):
    """Strided convolutions, Conformer layers, linear layer.

    Only the convolutions know a frame's position. torchaudio's own `forward` lets padding into the depthwise
    convolution and into the statistics of a BatchNorm, and asks the lengths for their maximum, which an export would
    fix. So its layers are built here and run by `conform`, with a LayerNorm in the BatchNorm's place.

    Args:
        num_mel_bins: C.
        num_symbols: V, the blank among them.
        dim: D, a multiple of `num_heads`.
        num_layers: Conformer layers.
        num_heads: attention heads.
        ffn_dim: width of the feed-forward modules.
        kernel_size: output frames a depthwise convolution spans; odd.
        subsampling: feature frames an output frame; 1, 2, 4 or 8.
        dropout: probability that a value is dropped.
    """

    def __init__(
        self,
        num_mel_bins: int,
        num_symbols: int,
        *,
        dim: int = 96,
        num_layers: int = 4,
        num_heads: int = 4,
        ffn_dim: int = 256,
        kernel_size: int = 15,
        subsampling: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.subsample = Subsampling(num_mel_bins, dim, subsampling)
        conformer = import_torchaudio().models.Conformer(dim, num_heads, ffn_dim, num_layers, kernel_size, dropout)
        self.layers: nn.ModuleList = conformer.conformer_layers
        for layer in self.layers:
            layer.conv_module.sequential[BATCH_NORM] = ChannelNorm(dim)
        self.output = scores(dim, num_symbols)

    def context(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(N, T', D), (N,) -> the same shape."""
        mask = frame_mask(lengths, x.shape[1])
        x = x.transpose(0, 1)
        for layer in self.layers:
            x = conform(layer, x, mask)
        return x.transpose(0, 1)


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of (N, D, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, D, T) -> the same shape."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


def conform(layer: Any, x: Tensor, mask: Tensor) -> Tensor:
    """Run torchaudio's `ConformerLayer`, its padding zeroed before the convolution.

    Args:
        layer: a `ConformerLayer` that does not put convolution first.
        x: (T', N, D).
        mask: (N, T', 1) bool, true up to each utterance's end.
    """
    x = x + 0.5 * layer.ffn1(x)
    y = layer.self_attn_layer_norm(x)
    y, _ = layer.self_attn(y, y, y, key_padding_mask=~mask.squeeze(2), need_weights=False)
    x = x + layer.self_attn_dropout(y)
    convolution = layer.conv_module
    y = convolution.layer_norm(x)
    if x.is_cuda:
        x = x + conformer_convolution(convolution, y, mask)
    else:
        y = convolution.sequential[:DEPTHWISE](y.permute(1, 2, 0)) * mask.transpose(1, 2)
        x = x + convolution.sequential[DEPTHWISE:](y).permute(2, 0, 1)
    x = x + 0.5 * layer.ffn2(x)
    out: Tensor = layer.final_layer_norm(x)
    return out
