"""Synthetic speech from a seed: words over an alphabet, each character a pattern that can be heard.

It needs no download and is a ruler, not a toy. Pitch, rate, loudness and noise vary from utterance to utterance, a
character is told by two sounds in a row, and validation holds words that training never says.
The same arguments give the same corpus on every machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tune_asr.errors import ConfigError
from tune_asr.speech.corpus import Corpus, Utterance, fingerprint
from tune_asr.speech.vocabulary import Vocabulary

_RECIPE = 1  # raise it whenever the same arguments come to mean other speech: caches of features go by it

_WORD_LENGTHS = (2, 6)
_UNSEEN_SHARE = 0.28  # of an utterance's words, rounded, at least one: never under a fifth

# Hz. The lower and the upper partial of a character's first sound, and of its second. One rises where the other
# falls, so that a sound is known by their ratio, which no pitch factor changes.
_PARTIALS = (((250.0, 750.0), (2400.0, 950.0)), ((450.0, 1200.0), (3000.0, 1500.0)))
_STRENGTHS = ((0.7, 0.3), (0.3, 0.7))  # of those: the first sound is dark, the second bright
_SOUND_SECONDS = (0.030, 0.045)
_GAP_SECONDS = (0.060, 0.120)
_RAMP_SECONDS = 0.006

_RATE = (0.85, 1.2)
_PITCH_FACTOR = (0.85, 1.15)
_FUNDAMENTAL = (90.0, 200.0)  # Hz; it modulates the partials, which gives them harmonics on either side
_MODULATION = 0.5
_LOUDNESS = (-26.0, -6.0)  # dB


_Chance = TypeVar("_Chance", float, npt.NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class SyntheticAudio:
    """One synthetic utterance. It holds no samples: they are made anew, and the same, at every call.

    Attributes:
        text: words over `alphabet`, separated by single spaces.
        alphabet: distinct characters; their order decides their sounds.
        sample_rate: in Hz.
        noise: standard deviation of the noise, relative to the root mean square of the voice.
        key: seed, split and index of the utterance: all that chance depends on.
    """

    text: str
    alphabet: str
    sample_rate: int
    noise: float
    key: tuple[int, str, int]

    @property
    def seconds(self) -> float:
        """The exact length, told without synthesis."""
        return int(self._lengths(_generator("audio", *self.key)).sum()) / self.sample_rate

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Return samples in [-1, 1], shape (num_samples,), rounded to 16 bits, and the sample rate in Hz."""
        random = _generator("audio", *self.key)
        lengths = self._lengths(random)
        voice = self._voice(lengths, random)
        rms = math.sqrt(np.square(voice).sum() / np.count_nonzero(voice))
        # Uniform, not normal: plain draws are the same in every release of numpy.
        noise = rms * self.noise * math.sqrt(3) * (2 * random.random(len(voice)) - 1)
        gain = 10 ** (_between(_LOUDNESS, random.random()) / 20)
        # Rounding hides that the sines of two processors may differ in their last bit.
        levels = np.rint(2**15 * gain * (voice + noise)).clip(-(2**15), 2**15 - 1)
        return (levels / 2**15).astype(np.float32), self.sample_rate

    def _sounds(self) -> list[int]:
        """Return the row of `_sound_table` for each segment: a gap for a space and at both ends, else two a character."""
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
        rate = _between(_RATE, random.random())
        chance = random.random(len(is_gap))
        seconds = np.where(is_gap, _between(_GAP_SECONDS, chance), _between(_SOUND_SECONDS, chance) / rate)
        return np.rint(seconds * self.sample_rate).astype(np.int64)

    def _voice(self, lengths: npt.NDArray[np.int64], random: np.random.Generator) -> npt.NDArray[np.float64]:
        """Sound the segments one after another, shape (num_samples,), at full loudness and without noise."""
        pitch, fundamental = _between(_PITCH_FACTOR, random.random()), _between(_FUNDAMENTAL, random.random())
        frequencies, strengths = _sound_table(len(self.alphabet), self.sample_rate)
        sounds = self._sounds()
        samples = np.arange(lengths.sum())

        ends = np.cumsum(lengths)
        from_edge = np.minimum(samples - np.repeat(ends - lengths, lengths), np.repeat(ends - 1, lengths) - samples)
        ramp = (from_edge / (_RAMP_SECONDS * self.sample_rate)).clip(max=1)
        envelope = ramp * ramp * (3 - 2 * ramp)
        envelope *= (1 + _MODULATION * np.cos(2 * np.pi * fundamental / self.sample_rate * samples)) / (1 + _MODULATION)

        voice = np.zeros(len(samples))
        for partial in (0, 1):
            # Phases go on from segment to segment, so that no sound begins with a click.
            cycles = np.cumsum(np.repeat(frequencies[sounds, partial] * pitch / self.sample_rate, lengths))
            voice += np.repeat(strengths[sounds, partial], lengths) * np.sin(2 * np.pi * cycles)
        return envelope * voice


def synthesize_corpus(
    *,
    seed: int,
    num_train: int,
    num_val: int,
    alphabet: str,
    num_words: int,
    words_per_utterance: tuple[int, int],
    sample_rate: int,
    noise: float,
) -> Corpus:
    """Make a corpus of synthetic speech.

    No text stands in both splits, since every validation utterance holds a word that training lacks; and at least a
    fifth of the words of validation are such words.

    Args:
        seed: decides everything.
        num_train: number of training utterances.
        num_val: number of validation utterances.
        alphabet: at least two distinct characters, none of them a space.
        num_words: size of the lexicon, of which a part is kept out of training.
        words_per_utterance: the fewest and the most.
        sample_rate: in Hz.
        noise: standard deviation of the noise, relative to the root mean square of the voice.

    Raises:
        ConfigError: the alphabet is too small for so many words.
    """
    lexicon = _lexicon(_generator("lexicon", seed), alphabet, num_words)
    num_unseen = max(1, round(_UNSEEN_SHARE * num_words))
    seen, unseen = lexicon[:-num_unseen], lexicon[-num_unseen:]

    def utterance(split: str, index: int) -> Utterance:
        random = _generator("text", seed, split, index)
        fewest, most = words_per_utterance
        num = math.floor(_between((fewest, most + 1), random.random()))
        if split == "train":
            # The first word goes through the lexicon in turn, so that each is said as early as can be.
            words = [seen[index % len(seen)], *_drawn(random, seen, num - 1)]
        else:
            num_new = max(1, round(_UNSEEN_SHARE * num))
            words = _drawn(random, unseen, num_new) + _drawn(random, seen[:num_train], num - num_new)
        text = " ".join(words[i] for i in np.argsort(random.random(num)))
        audio = SyntheticAudio(text, alphabet, sample_rate, noise, (seed, split, index))
        return Utterance(id=f"{split}-{index:05d}", text=text, seconds=audio.seconds, audio=audio)

    train = tuple(utterance("train", index) for index in range(num_train))
    val = tuple(utterance("val", index) for index in range(num_val))
    texts = [(u.id, u.text) for u in train + val]
    said = fingerprint(["synthetic", _RECIPE, seed, alphabet, sample_rate, noise, *texts])
    vocabulary = Vocabulary.from_texts(u.text for u in train)
    return Corpus(train=train, val=val, vocabulary=vocabulary, fingerprint=said, machine_key=said)


def _lexicon(random: np.random.Generator, alphabet: str, num_words: int) -> list[str]:
    """Draw different words. Their first characters go through the alphabet in turn, so that each is used.

    No character stands twice in a row, as no sound does in speech: at 40 ms a frame CTC can hardly write it twice.
    """
    size, (shortest, longest) = len(alphabet), _WORD_LENGTHS
    # Drawing more than half of the words there are would take ever longer.
    most = sum(size * (size - 1) ** (length - 1) for length in range(shortest, longest + 1)) // 2
    if not 2 <= num_words <= most:
        raise ConfigError(f"{num_words:,} words over an alphabet of {size}: from 2 to {most:,} can be made")
    words: dict[str, None] = {}
    while len(words) < num_words:
        length = math.floor(_between((shortest, longest + 1), random.random()))
        steps = 1 + np.floor(random.random(length - 1) * (size - 1)).astype(int)
        positions = np.cumsum([len(words), *steps]) % size
        words["".join(alphabet[i] for i in positions)] = None
    return list(words)


def _drawn(random: np.random.Generator, choices: Sequence[str], number: int) -> list[str]:
    return [choices[int(chance * len(choices))] for chance in random.random(number)]


def _between(limits: tuple[float, float], chance: _Chance) -> _Chance:
    low, high = limits
    return low + (high - low) * chance


def _generator(*key: str | int) -> np.random.Generator:
    """Return the source of chance for `key`: the same stream of `random()` on every machine."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def _num_sounds(num_characters: int) -> int:
    """Return how many first sounds, and as many second ones, tell that many characters apart: all their pairs."""
    return math.isqrt(num_characters - 1) + 1


@lru_cache(maxsize=8)
def _sound_table(num_characters: int, sample_rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the partials' frequencies in Hz and their strengths, shape (2 x sounds + 1, 2); the last row is silent.

    Character `i` is the first sound `i // sounds` and the second sound `i % sounds`, so that neighbours in the
    alphabet share one of the two and differ in the other.
    """
    size = _num_sounds(num_characters)
    scale = min(1.0, sample_rate / 8000)  # all sounds lie within a telephone's band, or a narrower one
    frequencies = [scale * np.geomspace(*edges, size) for sound in _PARTIALS for edges in sound]
    table = np.concatenate([np.stack(frequencies[:2], axis=1), np.stack(frequencies[2:], axis=1), np.zeros((1, 2))])
    strengths = np.repeat([*_STRENGTHS, (0.0, 0.0)], [size, size, 1], axis=0)
    return table, strengths
