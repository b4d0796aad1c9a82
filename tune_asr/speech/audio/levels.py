"""Samples as a training gets them: one channel, or the mean of all.

Channels of opposite phase have no mean: a cable with two wires swapped makes one the negative of the other. The louder
one is taken instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

FULL_SCALE = 0.999
CLIPPED_SHARE = 0.1
"""Share of the samples; loudly mastered music stays far below it."""
_QUIETEST = 4 / 2**15  # between the extremes: noise of a converter, or rounding by a lossy codec
_LARGEST_FLOAT = 128.0  # of good samples, in files that may hold any number
_LEFT_OF_MEAN = 0.2  # share of the power that the mean of unrelated channels would have; less is opposite phase


def mixed(samples: Samples) -> Samples:
    """Return the mean of the channels.

    It is the loudest one under opposite phase.

    Args:
        samples: shape (num_frames, channels).
    """
    if samples.shape[1] == 1:
        return samples[:, 0]
    mean: Samples = samples.mean(axis=1)
    powers = _power(samples)
    return samples[:, int(powers.argmax())].copy() if _are_opposite(powers, float(_power(mean)[0])) else mean


@dataclass(slots=True)
class Levels:
    """Extremes and power of a part, collected from its blocks."""

    channel: int | None
    """Channel that is used, from 0; None for the mean of all."""
    num_frames: int = 0
    _lowest: Samples | None = None
    """Of each channel, and of their mean behind them; `_highest` and `_powers` likewise."""
    _highest: Samples | None = None
    _powers: npt.NDArray[np.float64] | None = None
    _clipped: int = field(default=0)

    def add(self, samples: Samples) -> None:
        """Add a block, shape (num_frames, channels)."""
        if not len(samples):
            return
        if self.channel is not None:
            samples = samples[:, self.channel, None]
        columns = samples.T  # min over an axis of one is slow
        lowest, highest = np.array([c.min() for c in columns]), np.array([c.max() for c in columns])
        if max(-lowest.min(), highest.max()) >= FULL_SCALE:
            self._clipped += int(np.count_nonzero(np.abs(samples) >= FULL_SCALE))
        if samples.shape[1] > 1:
            mean = samples.mean(axis=1)
            lowest, highest = np.append(lowest, mean.min()), np.append(highest, mean.max())
            powers = np.append(_power(samples), _power(mean))
            self._powers = powers if self._powers is None else self._powers + powers
        self._lowest = lowest if self._lowest is None else np.minimum(self._lowest, lowest)
        self._highest = highest if self._highest is None else np.maximum(self._highest, highest)
        self.num_frames += len(samples)

    @property
    def are_opposite(self) -> bool:
        """True if the channels would cancel each other."""
        return self._powers is not None and _are_opposite(self._powers[:-1], float(self._powers[-1]))

    def mistake(self, *, is_float: bool) -> tuple[str, str, str]:
        """Return state, detail and hint of a bad part.

        They are empty if it is good.

        Args:
            is_float: its file holds floating-point numbers.
        """
        if self._lowest is None or self._highest is None:
            return "", "", ""
        used = int(self._powers[:-1].argmax()) if self._powers is not None and self.are_opposite else -1
        lowest, highest = float(self._lowest[used]), float(self._highest[used])
        peak = float(max(-self._lowest.min(), self._highest.max()))
        channels = max(1, len(self._lowest) - 1)
        share = self._clipped / (self.num_frames * channels)
        if lowest == highest:
            return "silent", f"every sample is {lowest:g}", ""
        if is_float and (peak >= _LARGEST_FLOAT or (peak > 1.001 and share > CLIPPED_SHARE)):
            return "not scaled to ±1", f"its largest sample is {peak:,.6g}", _scaling(peak)
        if highest - lowest <= _QUIETEST:
            return "silent", f"its largest sample is {max(-lowest, highest):.1g} of full scale", ""
        if share > CLIPPED_SHARE:
            return "clipped", f"{share:.0%} of its samples stand at full scale", ""
        return "", "", ""


def _scaling(peak: float) -> str:
    if peak <= 2**15:
        return "Scale it, for example: ffmpeg -i IN.wav -af volume=1/32768 -c:a pcm_s16le OUT.wav"
    return "Scale its samples to ±1."


def _power(samples: Samples) -> npt.NDArray[np.float64]:
    """Return the sum of squares of each column."""
    columns = samples.reshape(len(samples), -1).T
    with np.errstate(over="ignore"):  # samples that are not scaled to ±1 may be as large as a float
        return np.array([np.dot(column, column) for column in columns], np.float64)


def _are_opposite(powers: npt.NDArray[np.float64], of_mean: float) -> bool:
    return bool(of_mean * len(powers) < _LEFT_OF_MEAN * powers.mean())
