from __future__ import annotations

import dataclasses
import hashlib
import pickle
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.errors import ConfigError
from tune_asr.speech.audio.synthetic import synthesize_corpus
from tune_asr.speech.audio.voice import SyntheticAudio
from tune_asr.speech.survey.survey import survey_corpus

DEFAULTS = {
    "seed": 17,
    "num_train": 60,
    "num_val": 30,
    "alphabet": "abcdefghijkl",
    "num_words": 120,
    "words_per_utterance": (2, 4),
    "sample_rate": 8000,
    "noise": 0.3,
}


def corpus(**changes):
    return synthesize_corpus(**(DEFAULTS | changes))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    num_train=st.integers(1, 40),
    num_val=st.integers(1, 20),
    alphabet=st.sampled_from(["abc", "abcde", "абвгдежз", "abcdefghijklmnopqrstuvwxyz"]),
    num_words=st.integers(2, 30),
    fewest=st.integers(1, 4),
    more=st.integers(0, 6),
)
def test_validation_holds_unknown_words(fewest, more, **sizes):
    """A fifth of its words are unknown; splits share no text."""
    made = corpus(words_per_utterance=(fewest, fewest + more), **sizes)
    assert (len(made.train), len(made.val)) == (sizes["num_train"], sizes["num_val"])
    seen = {word for u in made.train for word in u.text.split()}
    words = [word for u in made.val for word in u.text.split()]
    assert sum(word not in seen for word in words) >= len(words) / 5
    assert not {u.text for u in made.train} & {u.text for u in made.val}
    for utterance in made.train + made.val:
        assert fewest <= len(utterance.text.split()) <= fewest + more
        assert all(2 <= len(word) <= 6 and set(word) <= set(sizes["alphabet"]) for word in utterance.text.split())


def test_default_training_covers_its_lexicon():
    made = corpus(num_train=120)
    assert not made.vocabulary.unknown_characters(u.text for u in made.val)
    unseen = {w for u in made.val for w in u.text.split()} - {w for u in made.train for w in u.text.split()}
    assert len(unseen) <= round(0.28 * 120)


def test_corpus_is_a_function_of_arguments():
    first = corpus()
    assert corpus() == first
    for changes in (
        {"seed": 18},
        {"noise": 0.2},
        {"alphabet": "abcdefghijlk"},
        {"num_train": 61},
        {"sample_rate": 16000},
    ):
        assert corpus(**changes).fingerprint != first.fingerprint, changes


def test_utterance_ignores_corpus_size():
    assert corpus(num_train=80, num_val=40).train[:60] == corpus().train


def test_samples_are_reproducible():
    audio = corpus().val[3].audio
    samples, rate = audio.samples()
    again, _ = pickle.loads(pickle.dumps(audio)).samples()
    np.testing.assert_array_equal(samples, again)
    assert (samples.dtype, rate) == (np.float32, 8000)
    assert hashlib.sha256(samples.astype("<f4").tobytes()).hexdigest()[:16] == "bb81a0fef078eeeb"


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000])
def test_seconds_are_exact_without_synthesis(sample_rate):
    for utterance in corpus(sample_rate=sample_rate).val:
        samples, rate = utterance.audio.samples()
        assert len(samples) == round(utterance.seconds * rate)
        assert utterance.seconds == len(samples) / rate


def test_durations_of_characters_and_gaps():
    """Characters last 60-90 ms over the rate, gaps 60-120 ms."""
    for utterance in corpus().train:
        num_gaps = utterance.text.count(" ") + 2
        num_characters = len(utterance.text) + 2 - num_gaps
        assert num_characters * 0.06 / 1.2 + num_gaps * 0.06 - 0.01 <= utterance.seconds
        assert utterance.seconds <= num_characters * 0.09 / 0.85 + num_gaps * 0.12 + 0.01


def spectrum(text: str, index: int = 0, noise: float = 0.0) -> np.ndarray:
    samples, _ = SyntheticAudio(text, "abcdefghi", 8000, noise, (0, "x", index)).samples()
    levels = np.abs(np.fft.rfft(samples, 8000))
    return levels / np.linalg.norm(levels)


def test_characters_have_distinct_spectra():
    spectra = [spectrum(character * 2) for character in "abcdefghi"]
    likeness = np.array(spectra) @ np.array(spectra).T
    assert likeness[~np.eye(9, dtype=bool)].max() < 0.95
    assert spectrum("a" * 2) @ spectrum("a" * 2) == pytest.approx(1)


def test_noise_has_given_strength():
    """It fills the gaps too."""
    clean, noisy = (SyntheticAudio("ab cd", "abcd", 8000, noise, (0, "x", 0)).samples()[0] for noise in (0.0, 0.5))
    rms = np.sqrt(np.mean(np.square(clean[clean != 0])))
    assert np.std(noisy - clean) == pytest.approx(0.5 * rms, rel=0.05)
    assert not clean[:400].any()
    assert np.std(noisy[:400]) == pytest.approx(0.5 * rms, rel=0.2)


def test_loudness_and_pitch_vary():
    peaks = [np.abs(u.audio.samples()[0]).max() for u in corpus(noise=0.0).train]
    assert 8 < max(peaks) / min(peaks) < 11
    loudest_hz = {int(spectrum("a", index).argmax()) for index in range(20)}
    assert len(loudest_hz) > 10


def test_noisy_samples_stay_in_range():
    for utterance in corpus(noise=20.0).val:
        assert np.abs(utterance.audio.samples()[0]).max() <= 1


def test_synthesis_is_fast():
    start = time.process_time()
    for utterance in corpus(num_train=250).train:
        utterance.audio.samples()
    assert time.process_time() - start < 3


def test_impossible_lexicon_is_refused():
    with pytest.raises(
        ConfigError,
        match=r"data.num_words: 63, but an alphabet of 2 characters allows 2 to 5 words\n    Lengthen data.alphabet",
    ):
        corpus(alphabet="ab", num_words=63)


def test_synthetic_speech_passes_the_survey():
    found = survey_corpus(corpus(), sample_rate=8000, subsampling=4)
    found.check()
    assert "bad rows: none" in found.render()
    assert dataclasses.replace(found, subsampling=20).infeasible(found.corpus.train)
