"""How far apart two error rates must be: against what repeated measuring finds."""

import numpy as np
import pytest

from tune_asr.record.resolution import resolution
from tune_asr.record.utterances import Utterances, read_utterances


def utterances(errors, words, start=0):
    return Utterances(tuple(f"{i:03d}" for i in range(start, start + len(words))), np.array(errors), np.array(words))


def test_resolution_of_independent_words():
    # 485 utterances of one word, half of them wrong: 1.96 * sqrt(2 * 0.25 / 485) is 6.3 points.
    first = utterances([k % 2 for k in range(485)], [1] * 485)
    found = resolution(first, [])
    assert found.unpaired == pytest.approx(1.96 * np.sqrt(2 * 0.25 / 485), rel=2e-3)
    assert str(found) == (
        "Resolution of 485 words in 485 utterances: near WER 0.50, settings closer than 6.3 points cannot be told "
        "apart."
    )


def test_resolution_matches_repeated_measurements():
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


def test_only_same_utterances_are_paired():
    first, other = utterances([1, 0, 2], [3, 3, 3]), utterances([1, 1, 1], [3, 3, 3], start=5)
    assert resolution(first, [other]).paired is None
    assert resolution(first, [other, first]).paired == 0


@pytest.mark.parametrize(
    "row",
    [
        '{"id": "a", "words": 1' + "0" * 30 + ', "substitutions": 0, "deletions": 0, "insertions": 0}',
        '{"id": "a", "words": Infinity, "substitutions": 0, "deletions": 0, "insertions": 0}',
        "[" * 100_000,
    ],
)
def test_damaged_utterances_are_none(tmp_path, row):
    path = tmp_path / "utterances.jsonl"
    path.write_text(row + "\n")
    assert read_utterances(path) is None


def test_no_resolution_without_spread():
    assert resolution(utterances([1], [3]), []) is None
    assert resolution(utterances([1, 1, 1], [3, 3, 3]), [utterances([1, 0, 3], [3, 3, 3])]) is None


def test_pairing_with_worse_setting():
    # One error in a hundred words here, forty there.
    first = utterances([1] + [0] * 19, [5] * 20)
    other = utterances([k % 5 for k in range(20)], [5] * 20)
    found = resolution(first, [other])
    errors_apart = resolution(utterances(other.errors, other.words), [])
    alone = resolution(first, [])
    assert found.unpaired == pytest.approx(np.hypot(alone.unpaired, errors_apart.unpaired) / np.sqrt(2))
    assert found.paired > alone.unpaired, "which once stood beside it"
    assert found.paired < 1.1 * found.unpaired
