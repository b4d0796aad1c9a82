"""Voice of synthetic speech: characters as patterns of sounds.

Each utterance has its own pitch, rate, loudness and noise. A character is a pair of successive sounds.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

# Hz. Lower and upper partial of a character's first sound, then of its second. One rises as the other falls, so that
# their ratio identifies a sound under any pitch factor.
_PARTIALS = (((250.0, 750.0), (2400.0, 950.0)), ((450.0, 1200.0), (3000.0, 1500.0)))
_STRENGTHS = ((0.7, 0.3), (0.3, 0.7))  # strengths of the partials: the first sound is dark, the second bright
_SOUND_SECONDS = (0.030, 0.045)
_GAP_SECONDS = (0.060, 0.120)
_RAMP_SECONDS = 0.006

_RATE = (0.85, 1.2)
_PITCH_FACTOR = (0.85, 1.15)
_FUNDAMENTAL = (90.0, 200.0)  # Hz; it modulates the partials, which gives them harmonics on either side
_MODULATION = 0.5
_LOUDNESS = (-26.0, -6.0)  # dB

_Numbers: TypeAlias = npt.NDArray[np.float64]
_Chance = TypeVar("_Chance", float, npt.NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class SyntheticAudio:
    """Synthetic utterance, synthesised at every call, always equal."""

    text: str
    """Words over `alphabet`, separated by single spaces."""
    alphabet: str
    """Distinct characters; their order decides their sounds."""
    sample_rate: int
    """In Hz."""
    noise: float
    """Standard deviation of the noise, relative to the root mean square of the voice."""
    key: tuple[int, str, int]
    """Seed, split and index of the utterance, from which everything random is drawn."""

    @property
    def seconds(self) -> float:
        """Exact length, known without synthesis."""
        return int(self._lengths(generator("audio", *self.key)).sum()) / self.sample_rate

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Return (num_samples,) samples in [-1, 1] and their rate.

        They are rounded to 16 bits; the rate is in Hz.
        """
        random = generator("audio", *self.key)
        lengths = self._lengths(random)
        voice = self._voice(lengths, random)
        rms = math.sqrt(np.square(voice).sum() / np.count_nonzero(voice))
        # Uniform, not normal: uniform draws are the same in every release of numpy.
        noise = rms * self.noise * math.sqrt(3) * (2 * random.random(len(voice)) - 1)
        gain = 10 ** (between(_LOUDNESS, random.random()) / 20)
        # Sines of two processors may differ in the last bit; rounding hides that, nearly always.
        levels = np.rint(2**15 * gain * (voice + noise)).clip(-(2**15), 2**15 - 1)
        return (levels / 2**15).astype(np.float32), self.sample_rate

    def _sounds(self) -> list[int]:
        """Return the row of `_sound_table` for each segment.

        There are two a character, and a gap for each space and at both ends.
        """
        size = _num_sounds(len(self.alphabet))
        sounds = [-1]
        for character in self.text:
            if character == " ":
                sounds.append(-1)
            else:
                first, second = divmod(self.alphabet.index(character), size)
                sounds += [first, size + second]
        return [*sounds, -1]

    def _lengths(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw the length in samples of every segment."""
        is_gap = np.array(self._sounds()) < 0
        rate = between(_RATE, random.random())
        chance = random.random(len(is_gap))
        seconds: _Numbers = np.where(is_gap, between(_GAP_SECONDS, chance), between(_SOUND_SECONDS, chance) / rate)
        return np.rint(seconds * self.sample_rate).astype(np.int64)

    def _voice(self, lengths: npt.NDArray[np.int64], random: np.random.Generator) -> _Numbers:
        """Return the voice at full loudness, without noise, (num_samples,)."""
        pitch, fundamental = between(_PITCH_FACTOR, random.random()), between(_FUNDAMENTAL, random.random())
        frequencies, strengths = _sound_table(len(self.alphabet), self.sample_rate)
        sounds = self._sounds()
        voice: _Numbers = np.zeros(lengths.sum())
        for partial in (0, 1):
            # The phase is continuous, so that no sound begins with a click.
            cycles = np.cumsum(np.repeat(frequencies[sounds, partial] * pitch / self.sample_rate, lengths))
            voice += np.repeat(strengths[sounds, partial], lengths) * np.sin(2 * np.pi * cycles)
        modulation = np.cos(2 * np.pi * fundamental / self.sample_rate * np.arange(len(voice)))
        voice *= (1 + _MODULATION * modulation) / (1 + _MODULATION)
        return voice * _envelope(lengths, _RAMP_SECONDS * self.sample_rate)


def generator(*key: str | int) -> np.random.Generator:
    """Return a generator for `key`, the same on every machine."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def between(limits: tuple[float, float], chance: _Chance) -> _Chance:
    """Map a uniform draw from [0, 1) to `limits`."""
    low, high = limits
    return low + (high - low) * chance


def _num_sounds(num_characters: int) -> int:
    """Return the number of first and of second sounds.

    Each character is one of their pairs.
    """
    return math.isqrt(num_characters - 1) + 1


def _envelope(lengths: npt.NDArray[np.int64], ramp: float) -> _Numbers:
    """Return a gain from 0 to 1, shape (num_samples,).

    Each segment rises and falls smoothly over `ramp` samples.
    """
    ends = np.cumsum(lengths)
    position = np.arange(ends[-1])
    to_edge = np.minimum(position - np.repeat(ends - lengths, lengths), np.repeat(ends - 1, lengths) - position)
    share: _Numbers = np.minimum(to_edge / ramp, 1.0)
    return share * share * (3 - 2 * share)


@lru_cache(maxsize=8)
def _sound_table(num_characters: int, sample_rate: int) -> tuple[_Numbers, _Numbers]:
    """Return frequencies in Hz and strengths of the partials.

    Both have shape (2 x sounds + 1, 2); the last row is silent. Character `i` is the first sound `i // sounds` and the
    second sound `i % sounds`, so that neighbours in the alphabet share one of the two and differ in the other.
    """
    size = _num_sounds(num_characters)
    scale = min(1.0, sample_rate / 8000)  # all sounds fit the band of a telephone, or a narrower one
    frequencies = [scale * np.geomspace(*edges, size) for sound in _PARTIALS for edges in sound]
    table = np.concatenate([np.stack(frequencies[:2], axis=1), np.stack(frequencies[2:], axis=1), np.zeros((1, 2))])
    strengths = np.repeat([*_STRENGTHS, (0.0, 0.0)], [size, size, 1], axis=0)
    return table, strengths
