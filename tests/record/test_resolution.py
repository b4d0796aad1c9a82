"""How far apart two error rates must be: against what repeated measuring finds."""

import numpy as np
import pytest

from tune_asr.record.resolution import resolution
from tune_asr.record.utterances import Utterances


def utterances(errors, words, start=0):
    return Utterances(tuple(f"{i:03d}" for i in range(start, start + len(words))), np.array(errors), np.array(words))


def test_independent_words_give_the_binomial_of_the_textbook():
    # 485 utterances of one word, half of them wrong: 1.96 * sqrt(2 * 0.25 / 485) is 6.3 points.
    first = utterances([k % 2 for k in range(485)], [1] * 485)
    found = resolution(first, [])
    assert found.unpaired == pytest.approx(1.96 * np.sqrt(2 * 0.25 / 485), rel=2e-3)
    assert str(found) == (
        "The ruler, 485 words in 485 utterances: near WER 0.50, settings closer than 6.3 points cannot be told apart."
    )


def test_it_is_the_spread_of_differences_that_repeated_measuring_finds():
    generator = np.random.default_rng(1)

    def measured():
        words = generator.integers(1, 14, 80)
        hard = generator.beta(0.9, 2.1, 80)
        return words, generator.binomial(words, hard), generator.binomial(words, hard)

    found, alone, together = [], [], []
    for _ in range(800):
        words, a, b = measured()
        found.append(resolution(utterances(a, words), [utterances(b, words)]))
        alone.append(a.sum() / words.sum())
        together.append((a - b).sum() / words.sum())
    assert np.mean([r.unpaired for r in found]) == pytest.approx(1.96 * np.sqrt(2) * np.std(alone), rel=0.07)
    assert np.mean([r.paired for r in found]) == pytest.approx(1.96 * np.std(together), rel=0.07)


def test_only_settings_on_the_same_utterances_are_paired():
    first, other = utterances([1, 0, 2], [3, 3, 3]), utterances([1, 1, 1], [3, 3, 3], start=5)
    assert resolution(first, [other]).paired is None
    assert resolution(first, [other, first]).paired == 0
