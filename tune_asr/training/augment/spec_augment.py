"""SpecAugment on padded batches (Park et al., 2019), without warping.

Shapes: N utterances, T frames, C mel bins. The model normalises by the utterance's mean, so masked values become the
mean, not zero. Draws come from torch's global generator, which is seeded anew for each batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tune_asr.speech.audio.frames import FRAMES_PER_SECOND

MAX_TIME_MASKS = 20


class SpecAugment(nn.Module):
    """Mask mel bins and stretches of time, in training only.

    Arguments are named as in torchaudio.

    Args:
        n_freq_masks: frequency masks an utterance (m_F).
        freq_mask_param: widest frequency mask, mel bins; a width is uniform in 0..F (F).
        n_time_masks: time masks an utterance (m_T).
        time_mask_param: widest time mask, frames; a width is uniform in 0..min(T, p * length) (T).
        p: widest time mask as a share of the utterance's own length (p).
        time_mask_rate: time masks a second of an utterance, beside `n_time_masks`, no more than `MAX_TIME_MASKS` in all
            (adaptive multiplicity: Park et al., 2020).
    """

    def __init__(
        self,
        n_freq_masks: int,
        freq_mask_param: int,
        n_time_masks: int,
        time_mask_param: int,
        p: float,
        time_mask_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.n_freq_masks = n_freq_masks
        self.freq_mask_param = freq_mask_param
        self.n_time_masks = n_time_masks
        self.time_mask_param = time_mask_param
        self.p = p
        self.time_mask_rate = time_mask_rate

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Set masked values to their bin's mean, keep padding zero.

        (N, T, C), (N,) -> (N, T, C).

        Lengths may stay on the CPU, where draws are made; see `Perturbation`.
        """
        if not self.training or not (self.n_freq_masks or self.n_time_masks or self.time_mask_rate):
            return features
        _, num_frames, num_mel_bins = features.shape
        time_masks = self.n_time_masks + (lengths * (self.time_mask_rate / FRAMES_PER_SECOND)).long()
        time_masks = time_masks.clamp(max=max(self.n_time_masks, MAX_TIME_MASKS))
        widest_time = (lengths * self.p).long().clamp(max=self.time_mask_param)
        device = features.device
        time_mask = random_spans(time_masks, widest_time, lengths, num_frames, device)
        bins = torch.full_like(lengths, num_mel_bins)
        freq_masks = torch.full_like(lengths, self.n_freq_masks)
        freq_mask = random_spans(freq_masks, bins.clamp(max=self.freq_mask_param), bins, num_mel_bins, device)

        lengths = lengths.to(device, non_blocking=True)
        valid = torch.arange(num_frames, device=device) < lengths[:, None]
        masked = (time_mask[:, :, None] | freq_mask[:, None, :]) & valid[:, :, None]
        mean = features.sum(1, keepdim=True) / lengths[:, None, None]
        return torch.where(masked, mean, features)


def random_spans(counts: Tensor, widest: Tensor, lengths: Tensor, size: int, device: torch.device) -> Tensor:
    """Draw spans, and return each row's union.

    Widths are uniform in 0..widest, places uniform in 0..length.

    Args:
        counts: (N,) int64, spans of each row.
        widest: (N,) int64, at most `lengths`.
        lengths: (N,) int64, at most `size`.
        size: columns of the result.
        device: place of the result; spans are drawn where the lengths are.

    Returns:
        (N, size) bool, true inside a span.
    """
    spans = torch.arange(max(counts.tolist()), device=counts.device)
    widths = uniform_integers(widest[:, None].expand(-1, len(spans))) * (spans < counts[:, None])
    starts = uniform_integers(lengths[:, None] - widths)
    edges = torch.stack((starts, starts + widths)).to(device, non_blocking=True).unsqueeze(3)
    columns = torch.arange(size, device=device)
    inside = (columns >= edges[0]) & (columns < edges[1])
    return inside.any(1)


def uniform_integers(highest: Tensor) -> Tensor:
    """Integers uniform in 0..highest, both included."""
    draws = torch.rand(highest.shape, device=highest.device)
    # float32 may round a draw next to 1 up to 1
    return torch.minimum((draws * (highest + 1)).long(), highest)
