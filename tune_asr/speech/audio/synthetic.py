"""Synthetic speech from a seed, without recordings or downloads.

Voices vary, and validation holds words unknown to training, so that its error rates mean something.
The same arguments give the same corpus on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tune_asr.errors import ConfigError, Problem
from tune_asr.speech.audio.voice import SyntheticAudio, between, generator
from tune_asr.speech.corpus import Corpus, Utterance, fingerprint
from tune_asr.speech.text.vocabulary import Vocabulary

_RECIPE = 1  # increment it if the same arguments give other speech: caches of features depend on it
_WORD_LENGTHS = (2, 6)
_UNSEEN_SHARE = 0.28  # of an utterance's words, rounded, at least one: never under a fifth


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

    No text is in both splits, since every validation utterance holds a word unknown to training. At least a fifth of
    the words of validation are unknown.

    Args:
        seed: seed of everything random.
        num_train: number of training utterances.
        num_val: number of validation utterances.
        alphabet: two or more distinct characters, none of them a space.
        num_words: size of the lexicon, a part of which is kept out of training.
        words_per_utterance: fewest and most words.
        sample_rate: rate in Hz.
        noise: standard deviation of the noise, relative to the root mean square of the voice.

    Raises:
        ConfigError: the alphabet is too small for so many words.
    """
    lexicon = _lexicon(generator("lexicon", seed), alphabet, num_words)
    num_unseen = max(1, round(_UNSEEN_SHARE * num_words))
    seen, unseen = lexicon[:-num_unseen], lexicon[-num_unseen:]

    def utterance(split: str, index: int) -> Utterance:
        random = generator("text", seed, split, index)
        fewest, most = words_per_utterance
        num = math.floor(between((fewest, most + 1), random.random()))
        if split == "train":
            # The first words go through the lexicon in turn, so that each occurs as early as possible.
            words = [seen[index % len(seen)], *_drawn(random, seen, num - 1)]
        else:
            num_new = max(1, round(_UNSEEN_SHARE * num))
            words = _drawn(random, unseen, num_new) + _drawn(random, seen[:num_train], num - num_new)
        text = " ".join(words[i] for i in np.argsort(random.random(num)))
        audio = SyntheticAudio(text, alphabet, sample_rate, noise, (seed, split, index))
        return Utterance(id=f"{split}-{index:05d}", text=text, seconds=audio.seconds, audio=audio)

    train = tuple(utterance("train", index) for index in range(num_train))
    val = tuple(utterance("val", index) for index in range(num_val))
    train_texts, val_texts = ([(u.id, u.text) for u in split] for split in (train, val))
    everything = fingerprint(["synthetic", _RECIPE, seed, alphabet, sample_rate, noise, *train_texts, *val_texts])
    return Corpus(
        train=train,
        val=val,
        vocabulary=Vocabulary.from_texts(u.text for u in train),
        fingerprint=everything,
        val_fingerprint=fingerprint(["synthetic", _RECIPE, seed, alphabet, noise, *val_texts]),
        machine_key=everything,
    )


def _lexicon(random: np.random.Generator, alphabet: str, num_words: int) -> list[str]:
    """Draw distinct words.

    Their first characters go through the alphabet in turn, so that each is used. No character is repeated, as no sound
    is in speech: at 40 ms a frame, CTC can hardly write it twice.
    """
    size, (shortest, longest) = len(alphabet), _WORD_LENGTHS
    # More than half of all possible words would take ever longer to draw.
    most = sum(size * (size - 1) ** (length - 1) for length in range(shortest, longest + 1)) // 2
    if not 2 <= num_words <= most:
        what = f"{num_words:,}, but an alphabet of {size} characters allows 2 to {most:,} words"
        raise ConfigError(Problem("data.num_words", what, "Lengthen data.alphabet, or ask for fewer words."))
    words: dict[str, None] = {}
    while len(words) < num_words:
        length = math.floor(between((shortest, longest + 1), random.random()))
        steps = 1 + np.floor(random.random(length - 1) * (size - 1)).astype(int)
        positions = np.cumsum([len(words), *steps]) % size
        words["".join(alphabet[i] for i in positions)] = None
    return list(words)


def _drawn(random: np.random.Generator, choices: Sequence[str], number: int) -> list[str]:
    return [choices[int(chance * len(choices))] for chance in random.random(number)]
