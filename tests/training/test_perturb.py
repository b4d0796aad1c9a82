"""Speed, gain and noise on log-mel features: near the real thing, off at zero, and equal for equal seeds."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.errors import DataError
from tune_asr.speech import progress
from tune_asr.speech.audio import recordings as audio
from tune_asr.speech.audio.noise import EXPONENTS, ColouredNoise, noises
from tune_asr.speech.audio.synthetic import synthesize_corpus
from tune_asr.training.augment.perturb import NEPERS_PER_DECIBEL, Perturbation, add_noise, change_speed
from tune_asr.training.features.log_mel import log_mel
from tune_asr.training.features.noise import NoiseRecordings

RATE, BINS = 8000, 40
OFF = {"speed": 0.0, "gain_db": 0.0, "noise_p": 0.0, "noise_snr_db": 10.0}
ON = {"speed": 0.1, "gain_db": 6.0, "noise_p": 0.5, "noise_snr_db": 5.0}
LENGTHS = torch.tensor([90, 40, 1, 120])


def batch():
    torch.manual_seed(0)
    x = torch.randn(len(LENGTHS), 120, BINS) - 8
    return x.where((torch.arange(120) < LENGTHS[:, None]).unsqueeze(2), 0)


class Kept(list):
    """Features, with a note of which were read."""

    def __init__(self, features):
        super().__init__(features)
        self.read = []

    def __getitem__(self, index):
        self.read.append(index)
        return super().__getitem__(index)

    def length(self, index):
        return len(super().__getitem__(index))


NOISE = NoiseRecordings(Kept([torch.full((30, BINS), -12.0), torch.randn(500, BINS)]), [[0], [1]])


def perturbation(settings):
    perturb = Perturbation(**settings, sample_rate=RATE)
    perturb.noises = NOISE
    return perturb


def perturbed(settings, seed, features=None):
    perturb = perturbation(settings)
    features = batch() if features is None else features
    torch.manual_seed(seed)
    return perturb(features, LENGTHS)


def recordings():
    corpus = synthesize_corpus(
        seed=0,
        num_train=10,
        num_val=10,
        alphabet="abcdefgh",
        num_words=20,
        words_per_utterance=(2, 3),
        sample_rate=RATE,
        noise=0.05,
    )
    return [torch.from_numpy(utterance.audio.samples()[0]) for utterance in corpus.train]


def mel_of(samples):
    return log_mel(samples, RATE, sample_rate=RATE, num_mel_bins=BINS)


def normal(x):
    return (x - x.mean(0)) / (x.std(0) + 1e-3)


def rms(x):
    return x.square().mean().sqrt()


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_is_near_resampled_samples(factor):
    for samples in recordings():
        true = mel_of(torchaudio.functional.resample(samples, round(RATE * factor), RATE))
        plain = mel_of(samples)
        quick, length = change_speed(plain[None], torch.tensor([len(plain)]), torch.tensor([factor]), RATE)
        assert abs(int(length) - len(true)) <= 1
        size = min(int(length), len(true), len(plain))
        error = rms(normal(quick[0, :size]) - normal(true[:size]))
        assert error < 0.5 * rms(normal(plain[:size]) - normal(true[:size]))


def test_speed_of_one_changes_nothing():
    features = batch()
    same, lengths = change_speed(features, LENGTHS, torch.ones(len(LENGTHS)), RATE)
    assert torch.equal(lengths, LENGTHS)
    valid = (torch.arange(120) < LENGTHS[:, None]).unsqueeze(2)
    torch.testing.assert_close(same.where(valid, 0), features, atol=1e-3, rtol=0)


def test_powers_of_speech_and_noise_add_up():
    speech, noise = recordings()[0], torch.from_numpy(ColouredNoise(0.0, RATE).samples()[0])
    noise = noise[: len(speech)]
    noise *= (speech.square().mean() / noise.square().mean()).sqrt() * 10 ** (-10 / 20)
    true, plain, alone = mel_of(speech + noise), mel_of(speech), mel_of(noise)
    length = torch.tensor([len(plain)])
    quick = add_noise(plain[None], length, alone[None] + 3.0, torch.tensor([10.0]), RATE)[0]
    assert rms(quick - true) < 0.35 * rms(plain - true)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_ratio_equals_that_of_waveforms(exponent):
    speech, noise = recordings()[0], torch.from_numpy(ColouredNoise(exponent, RATE).samples()[0])
    # frames of 25 ms without their means hold little of what is slower
    spectrum = torch.fft.rfft(noise[: len(speech)])
    noise = torch.fft.irfft(spectrum * (torch.fft.rfftfreq(len(speech), 1 / RATE) > 100), len(speech))
    plain, alone = mel_of(speech), mel_of(noise)
    ratio = 10 * math.log10(speech.square().mean() / noise.square().mean())
    together = add_noise(plain[None], torch.tensor([len(plain)]), alone[None], torch.tensor([ratio - 20.0]), RATE)[0]
    added = (together.double().exp() - plain.double().exp()).log() - alone
    assert float(added.median()) / NEPERS_PER_DECIBEL == pytest.approx(20.0, abs=1.5)


def test_all_off_draws_nothing():
    """And changes nothing."""
    features, lengths = perturbed(OFF, 1)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
    assert torch.equal(features, batch()) and lengths is LENGTHS


@pytest.mark.parametrize("key", ["speed", "gain_db", "noise_p"])
def test_each_key_turns_one_on(key):
    """Equal seeds give equal features."""
    settings = OFF | {key: ON[key]}
    (first, lengths), (again, _), (other, _) = (perturbed(settings, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.equal(first, other)
    assert not first[torch.arange(first.shape[1]) >= lengths[:, None]].any()
    assert (lengths >= 1).all() and lengths.max() == first.shape[1]


@pytest.mark.parametrize("settings", [ON, OFF])
def test_validation_is_never_perturbed(settings):
    perturb = perturbation(settings).eval()
    features, lengths = perturb(batch(), LENGTHS)
    assert torch.equal(features, batch()) and torch.equal(lengths, LENGTHS)


@pytest.mark.parametrize("settings", [OFF | {key: ON[key]} for key in ("speed", "gain_db", "noise_p")])
def test_padding_changes_no_utterance(settings):
    features = batch()
    features[torch.arange(120) >= LENGTHS[:, None]] = 1e4
    (clean, _), (junk, _) = perturbed(settings, 3), perturbed(settings, 3, features)
    assert torch.equal(clean, junk)


def test_some_utterances_get_noise():
    features = torch.zeros(400, 20, BINS)
    perturb = perturbation(OFF | {"noise_p": 0.25})
    torch.manual_seed(0)
    noisy, _ = perturb(features, torch.full((400,), 20))
    assert 60 < (noisy != 0).any(2).any(1).sum() < 140
    assert (noisy >= 0).all()


def test_unneeded_noise_is_not_read():
    kept = Kept([torch.zeros(7, BINS)] * 3)
    perturb = perturbation(OFF | {"noise_p": 0.25})
    perturb.noises = NoiseRecordings(kept, [[0], [1], [2]])
    noisy, _ = perturb(torch.zeros(40, 20, BINS), torch.full((40,), 20))
    assert len(kept.read) == int((noisy != 0).any(2).any(1).sum()) < 40


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    where=st.floats(0, 1, exclude_max=True, width=32),
    num_frames=st.integers(1, 30),
)
def test_excerpt_reads_only_its_pieces(lengths, where, num_frames):
    """It equals that of the whole recording."""
    whole = torch.randn(sum(lengths), BINS)
    kept = Kept([torch.zeros(3, BINS), *whole.split(lengths)])
    noise = NoiseRecordings(kept, [[0], list(range(1, len(kept)))])
    frames = [(int(where * len(whole)) + i) % len(whole) for i in range(num_frames)]
    assert torch.equal(noise.excerpt(1, where, num_frames), whole[frames])
    piece_of = [piece for piece, length in enumerate(lengths, start=1) for _ in range(length)]
    assert kept.read == sorted({piece_of[frame] for frame in frames})


def test_long_noise_is_cut_equally(tmp_path):
    """A short recording stays whole."""
    import soundfile

    samples = np.random.default_rng(0).uniform(-0.1, 0.1, 70 * 1000 + 1)
    soundfile.write(tmp_path / "long.wav", samples, 1000, subtype="FLOAT")
    soundfile.write(tmp_path / "short.wav", samples[:30_000], 1000, subtype="FLOAT")
    found, _ = noises(tmp_path, 8000)
    assert [Path(piece.id).name for piece in found] == ["long.wav"] * 3 + ["short.wav"]
    heard = [piece.audio.samples()[0] for piece in found]
    assert [len(piece) for piece in heard] == [23_333, 23_334, 23_334, 30_000]
    assert np.array_equal(np.concatenate(heard[:3]), samples.astype(np.float32))
    assert [piece.seconds for piece in found] == [len(piece) / 1000 for piece in heard]


def test_synthetic_noise_has_its_colour():
    """The same each time."""
    for exponent in (0.0, 1.0, 2.0):
        samples, rate = ColouredNoise(exponent, RATE).samples()
        assert rate == RATE and samples.dtype == np.float32
        assert np.array_equal(samples, ColouredNoise(exponent, RATE).samples()[0])
        power = np.abs(np.fft.rfft(samples)) ** 2
        octaves = [power[i * 20 : 2 * i * 20].mean() for i in (100, 200, 400, 800)]  # 100 Hz to 1600 Hz
        steps = -np.diff(np.log2(octaves))
        assert steps == pytest.approx([exponent] * 3, abs=0.2)


def test_noise_is_decoded_in_parallel(tmp_path, monkeypatch, capsys):
    """With a progress line."""
    import soundfile

    together, verify = threading.Barrier(2, timeout=20), audio.verify

    def both(path, rules):
        together.wait()  # broken where one waits for the other's end
        return verify(path, rules)

    for name in ("b", "a"):
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(0).uniform(-0.1, 0.1, 8000), RATE)
    monkeypatch.setattr(audio, "verify", both)
    monkeypatch.setattr(progress, "_SILENT_SECONDS", 0)
    found, _ = noises(tmp_path, RATE)
    assert [Path(utterance.id).name for utterance in found] == ["a.wav", "b.wav"]
    assert "noise recordings checked: 2 of 2 (100%)" in capsys.readouterr().err


def test_noise_folder_reports_all_mistakes(tmp_path):
    import soundfile

    with pytest.raises(DataError, match=r"augment.noise_dir: .*/absent is not a folder"):
        noises(tmp_path / "absent", RATE)
    with pytest.raises(DataError, match=r"holds no recording \(\.flac, \.mp3, \.ogg, \.wav\)"):
        noises(tmp_path, RATE)
    (tmp_path / "inside").mkdir()
    hiss = np.random.default_rng(0).uniform(-0.1, 0.1, 8000)
    soundfile.write(tmp_path / "inside" / "b.wav", hiss[:4000], RATE)
    soundfile.write(tmp_path / "a.flac", hiss, 16000)
    (tmp_path / "LICENSE").write_text("free")
    found, key = noises(tmp_path, RATE)
    assert [utterance.seconds for utterance in found] == [0.5, 0.5]
    assert noises(tmp_path, RATE)[1] == key
    soundfile.write(tmp_path / "odd.wav", hiss, 11127)
    with pytest.raises(DataError, match=r"odd.wav has 11,127 Hz, which cannot be resampled to 8,000 Hz"):
        noises(tmp_path, RATE)
    soundfile.write(tmp_path / "odd.wav", np.zeros(8000), RATE)
    with pytest.raises(DataError, match=r"odd.wav is silent: every sample is 0\n    Remove it"):
        noises(tmp_path, RATE)
    (tmp_path / "odd.wav").unlink()
    soundfile.write(tmp_path / "short.wav", hiss[:100], RATE)
    with pytest.raises(DataError, match=r"short.wav is shorter than 25 ms\n    Remove it"):
        noises(tmp_path, RATE)
    (tmp_path / "short.wav").write_text("no audio")
    with pytest.raises(DataError, match=r"short.wav .*\n    Remove it"):
        noises(tmp_path, RATE)
