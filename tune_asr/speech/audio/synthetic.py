"""Synthetic speech from a seed: a corpus that needs no recordings and no download.

It is a ruler, not a toy: voices vary, and validation holds words that training never says.
The same arguments give the same corpus on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tune_asr.errors import ConfigError
from tune_asr.speech.audio.voice import SyntheticAudio, between, generator
from tune_asr.speech.corpus import Corpus, Utterance, fingerprint
from tune_asr.speech.text.vocabulary import Vocabulary

_RECIPE = 1  # raise it whenever the same arguments come to mean other speech: caches of features go by it
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
    lexicon = _lexicon(generator("lexicon", seed), alphabet, num_words)
    num_unseen = max(1, round(_UNSEEN_SHARE * num_words))
    seen, unseen = lexicon[:-num_unseen], lexicon[-num_unseen:]

    def utterance(split: str, index: int) -> Utterance:
        random = generator("text", seed, split, index)
        fewest, most = words_per_utterance
        num = math.floor(between((fewest, most + 1), random.random()))
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
    train_texts, val_texts = ([(u.id, u.text) for u in split] for split in (train, val))
    said = fingerprint(["synthetic", _RECIPE, seed, alphabet, sample_rate, noise, *train_texts, *val_texts])
    return Corpus(
        train=train,
        val=val,
        vocabulary=Vocabulary.from_texts(u.text for u in train),
        fingerprint=said,
        val_fingerprint=fingerprint(["synthetic", _RECIPE, seed, alphabet, noise, *val_texts]),
        machine_key=said,
    )


def _lexicon(random: np.random.Generator, alphabet: str, num_words: int) -> list[str]:
    """Draw different words. Their first characters go through the alphabet in turn, so that each is used.

    No character stands twice in a row, as no sound does in speech: at 40 ms a frame CTC can hardly write it twice.
    """
    size, (shortest, longest) = len(alphabet), _WORD_LENGTHS
    # Drawing more than half of the words there are would take ever longer.
    most = sum(size * (size - 1) ** (length - 1) for length in range(shortest, longest + 1)) // 2
    if not 2 <= num_words <= most:
        what = f"a lexicon of {num_words:,} words: an alphabet of {size} characters is good for 2 to {most:,}"
        raise ConfigError(f"{what}; lengthen the alphabet or ask for fewer words")
    words: dict[str, None] = {}
    while len(words) < num_words:
        length = math.floor(between((shortest, longest + 1), random.random()))
        steps = 1 + np.floor(random.random(length - 1) * (size - 1)).astype(int)
        positions = np.cumsum([len(words), *steps]) % size
        words["".join(alphabet[i] for i in positions)] = None
    return list(words)


def _drawn(random: np.random.Generator, choices: Sequence[str], number: int) -> list[str]:
    return [choices[int(chance * len(choices))] for chance in random.random(number)]
