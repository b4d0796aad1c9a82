"""Few numbers of frames instead of many, if padding changes nothing."""

from __future__ import annotations

from torch import nn

SMALLEST = 16
"""Least difference of two rounded numbers, a multiple of every subsampling."""


def rounded(num_frames: int) -> int:
    """Round frames up to one of eight numbers an octave.

    At most an eighth is added.
    """
    step = max(SMALLEST, 1 << max(0, (num_frames - 1).bit_length() - 4))
    return -(-num_frames // step) * step


def ignores_padding(encoder: nn.Module) -> bool:
    """Test if more padding leaves a training as it is.

    Every encoder keeps padding out of an utterance. Yet dropout of single values draws for padding too, and all draws
    after it change; dropout of whole channels does not.
    """
    return not any(
        (type(part) is nn.Dropout and part.p > 0) or (isinstance(part, nn.MultiheadAttention) and part.dropout > 0)
        for part in encoder.modules()
    )
