"""Speed, loudness and noise, changed on log-mel features.

Features are computed once and shared, so nothing here goes back to samples. Log-mel is enough: speed is a
resampling of frames and a shift of mel bins, loudness an addition, noise an addition of powers. Draws come from torch's
global generators, which are seeded anew for each batch by (seed, epoch, batch).

Shapes: N utterances, T frames, C mel bins.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from tune_asr.config.mel_bins import BELOW_NYQUIST_HZ, LOWEST_HZ
from tune_asr.training.encoders.encoder import frame_mask
from tune_asr.training.features.fbank import PRE_EMPHASIS

NEPERS_PER_DECIBEL = math.log(10) / 10  # of power, in natural logarithms, as log-mel is
SNR_RANGE = 20.0  # dB between the noisiest and the quietest draw


class Noises(Protocol):
    """Log-mel features of recordings of noise."""

    def __len__(self) -> int:
        """Return the number of recordings."""
        ...

    def excerpt(self, index: int, where: float, num_frames: int) -> Tensor:
        """Frames of one recording, (num_frames, C).

        They begin at the fraction `where` of it, and start over after its end.
        """
        ...


class Perturbation(nn.Module):
    """Change speed, loudness and noise in training.

    Each is off at zero, and then draws nothing.

    Args:
        speed: largest change; a factor is uniform in 1 - speed..1 + speed (Ko et al., 2015). An
            utterance too fast for its transcript is left out of that batch's loss.
        gain_db: loudness at an utterance's start and at its end is uniform in -gain_db..gain_db, linear between them.
            A gain that is constant would change nothing: the encoder takes each bin's mean away.
        noise_p: probability that an utterance gets noise.
        noise_snr_db: the lowest ratio of speech to noise; it is uniform from there to `SNR_RANGE` above.
        sample_rate: of the features, Hz.

    Attributes:
        noises: recordings to add; set by `prepare`, since they are not part of a model. None: nothing is added.
    """

    def __init__(
        self,
        *,
        speed: float,
        gain_db: float,
        noise_p: float,
        noise_snr_db: float,
        sample_rate: int,
    ) -> None:
        super().__init__()
        self.speed, self.gain_db = speed, gain_db
        self.noise_p, self.noise_snr_db = noise_p, noise_snr_db
        self.sample_rate = sample_rate
        self.noises: Noises | None = None

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Keep padding zero.

        (N, T, C), (N,) -> (N, T', C), (N,).

        Lengths may stay on the CPU, where draws are made: T' is then known without waiting for a GPU.
        """
        if not self.training:
            return features, lengths
        device = features.device
        if self.speed:
            factors = 1 + self.speed * (2 * torch.rand(len(lengths), device=lengths.device) - 1)
            features, lengths = change_speed(features, lengths, factors, self.sample_rate)
        if self.gain_db:
            features = features + self._gain(features, lengths)
        if self.noise_p and self.noises is not None:
            noise = self._noise(features)
            features = add_noise(features, lengths.to(device, non_blocking=True), *noise, self.sample_rate)
        mask = frame_mask(lengths.to(device, non_blocking=True), features.shape[1])
        return features.where(mask, 0), lengths

    def _gain(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Addend of each frame, (N, T, 1)."""
        ends = self.gain_db * NEPERS_PER_DECIBEL * (2 * torch.rand(2, len(lengths), 1, device=lengths.device) - 1)
        ends, lengths = (x.to(features.device, non_blocking=True) for x in (ends, lengths))
        along = torch.arange(features.shape[1], device=features.device) / lengths[:, None]
        return torch.lerp(ends[0], ends[1], along).unsqueeze(2)

    def _noise(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return noise, (N, T, C), and ratios, (N,), of utterances.

        The ratio is of speech to noise in dB, infinite for an utterance without noise.
        """
        assert self.noises is not None
        count, num_frames, _ = features.shape
        # On the CPU, where the noise is: a shared, memory-mapped file.
        which = torch.randint(len(self.noises), (count,)).tolist()
        starts, chances, ratios = torch.rand(3, count).unbind()
        noise = torch.zeros(features.shape, pin_memory=features.is_cuda)
        noisy = chances < self.noise_p
        for row, (is_noisy, start) in enumerate(zip(noisy.tolist(), starts.tolist(), strict=True)):
            if is_noisy:
                noise[row] = self.noises.excerpt(which[row], start, num_frames)
        ratios = (self.noise_snr_db + SNR_RANGE * ratios).where(noisy, math.inf)
        return noise.to(features.device, non_blocking=True), ratios.to(features.device, non_blocking=True)


def change_speed(features: Tensor, lengths: Tensor, factors: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Play utterances faster: shorter by `factors`, and higher.

    The true way resamples the recording and computes its features again, for each factor a store of its own. Against
    that, on normalised features of recorded prompts at 0.9 and 1.1, this errs by 0.16 of a standard deviation;
    resampling frames alone, which keeps the pitch, by 0.37; leaving them as they are, by 1.25.

    Args:
        features: (N, T, C) with zero padding.
        lengths: (N,) int64, on the CPU or where the features are.
        factors: (N,), above zero, where the lengths are; 1.1 is a tenth faster.
        sample_rate: rate of the features, Hz.

    Returns:
        (N, T', C), arbitrary after an utterance's end; (N,) int64, at least 1.
    """
    changed = (lengths / factors).round().long().clamp(min=1)
    frames = torch.arange(max(changed.tolist()), device=features.device)
    factors, lengths = (x.to(features.device, non_blocking=True) for x in (factors, lengths))
    # a frame's middle is what moves
    at = (frames + 0.5) * factors[:, None] - 0.5
    features = interpolate(features, at.clamp(min=0).minimum(lengths[:, None] - 1))
    bins = moved_bins(factors, features.shape[2], sample_rate)
    return interpolate(features.transpose(1, 2), bins).transpose(1, 2), changed


def moved_bins(factors: Tensor, num_mel_bins: int, sample_rate: int) -> Tensor:
    """Fractional source bin of each mel bin.

    (N,) -> (N, C).

    Frequencies are multiplied by `factors`.
    """
    lowest, width = _mel_scale(num_mel_bins, sample_rate)
    moved = mel(mel_centres(num_mel_bins, sample_rate).to(factors.device, non_blocking=True) / factors[:, None])
    return ((moved - lowest) / width - 1).clamp(0, num_mel_bins - 1)


def mel_centres(num_mel_bins: int, sample_rate: int) -> Tensor:
    """Peak frequencies of the filters, (C,) Hz."""
    lowest, width = _mel_scale(num_mel_bins, sample_rate)
    return 700 * torch.expm1((lowest + width * torch.arange(1, num_mel_bins + 1)) / 1127)


def _mel_scale(num_mel_bins: int, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Start of the first filter, distance of peaks, in mel."""
    lowest, highest = (mel(torch.tensor(f)) for f in (LOWEST_HZ, sample_rate / 2 - BELOW_NYQUIST_HZ))
    return lowest, (highest - lowest) / (num_mel_bins + 1)


def mel(frequency: Tensor) -> Tensor:
    """Hz -> mel, as Kaldi has it."""
    return 1127 * torch.log1p(frequency / 700)


def interpolate(x: Tensor, at: Tensor) -> Tensor:
    """Interpolate rows linearly.

    (N, R, D), (N, S) in 0..R-1 -> (N, S, D).
    """
    below = at.floor().long()
    above = (below + 1).clamp(max=x.shape[1] - 1)
    first, second = (x.gather(1, index.unsqueeze(2).expand(-1, -1, x.shape[2])) for index in (below, above))
    return torch.lerp(first, second, (at - below).unsqueeze(2).to(x.dtype))


def pre_emphasis(num_mel_bins: int, sample_rate: int) -> Tensor:
    """Gain of Kaldi's pre-emphasis in each bin, (C,).

    ln |1 - 0.97 exp(-jw)|^2 at the bin's centre.
    """
    angles = 2 * math.pi / sample_rate * mel_centres(num_mel_bins, sample_rate)
    return torch.log1p(PRE_EMPHASIS**2 - 2 * PRE_EMPHASIS * torch.cos(angles))


def add_noise(features: Tensor, lengths: Tensor, noise: Tensor, snr_db: Tensor, sample_rate: int) -> Tensor:
    """Add the powers of speech and noise.

    Their product has mean zero. The ratio is that of the waveforms from about 100 Hz on, below which features have
    little energy. Neighbouring filters add up to one, so the powers of all bins, without the pre-tilt, add up to
    the waveform's.

    Args:
        features: (N, T, C) log-mel.
        lengths: (N,) int64.
        noise: (N, T, C) log-mel.
        snr_db: (N,) mean power of an utterance over that of its noise; infinite: no noise.
        sample_rate: of the features, Hz.
    """
    mask = frame_mask(lengths, features.shape[1])
    tilt = pre_emphasis(features.shape[2], sample_rate).to(features.device, non_blocking=True)
    speech_level, noise_level = ((x - tilt).where(mask, -math.inf).flatten(1).logsumexp(1) for x in (features, noise))
    shift = speech_level - noise_level - NEPERS_PER_DECIBEL * snr_db
    return torch.logaddexp(features, noise + shift[:, None, None])
