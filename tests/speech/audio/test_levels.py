"""Silence, level and phase are those of what is heard."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from tune_asr.speech.audio.levels import Levels, mixed
from tune_asr.speech.audio.opening import open_recording
from tune_asr.speech.audio.recordings import AudioError, FileAudio, levels_of, read, verify

RATE = 16000
VOICE = (0.3 * np.sin(np.arange(RATE) * 0.17)).astype(np.float32)
NOISE = np.random.default_rng(0).normal(0, 0.05, RATE).astype(np.float32)


def mistake(samples, channel=None, *, is_float=False, block=1000):
    levels = Levels(channel)
    samples = np.asarray(samples, np.float32)
    for start in range(0, len(samples), block):
        levels.add(samples[start : start + block].reshape(-1, 1 if samples.ndim == 1 else samples.shape[1]))
    return levels.mistake(is_float=is_float)


def channels(*signals):
    return np.stack(signals, axis=1).astype(np.float32)


@pytest.mark.parametrize("noise", [0, 0.1, 0.5])
@pytest.mark.parametrize("gain", [0.95, 0.8])
def test_opposite_channels_do_not_cancel(noise, gain):
    both = channels(VOICE + noise * NOISE, -gain * VOICE)
    np.testing.assert_array_equal(mixed(both), both[:, 0])
    np.testing.assert_array_equal(mixed(both[:, ::-1]), both[:, 0])
    levels = Levels(None)
    levels.add(both)
    assert levels.are_opposite
    assert levels.mistake(is_float=False) == ("", "", "")


@pytest.mark.parametrize(
    "both",
    [
        channels(VOICE, VOICE),
        channels(VOICE, NOISE),
        channels(VOICE, 0 * VOICE),
        channels(VOICE, -0.3 * VOICE),
        channels(VOICE, np.roll(VOICE, 5)),
        channels(*(np.random.default_rng(i).normal(0, 0.1, RATE) for i in range(8))),
        channels(0 * VOICE, 0 * VOICE),
    ],
    ids=["equal", "unrelated", "one silent", "much softer", "delayed", "eight microphones", "silent"],
)
def test_other_channels_are_averaged(both):
    np.testing.assert_allclose(mixed(both), both.mean(axis=1), atol=1e-7)


def test_reading_and_verifying_hear_the_same(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, channels(VOICE, -VOICE), RATE, subtype="FLOAT")
    assert verify(path).channels == 2
    np.testing.assert_array_equal(read(path)[0], VOICE)
    np.testing.assert_array_equal(read(path, 100, 50)[0], VOICE[100:150])
    np.testing.assert_array_equal(read(path, channel=1)[0], -VOICE)
    assert not read(path, rules=1)[0].any()


@pytest.mark.parametrize("value", [0.0, -0.5])
def test_equal_samples_are_silence(value):
    assert mistake(np.full(RATE, value)) == ("silent", f"every sample is {value:g}", "")


def test_noise_of_a_converter_is_silence():
    rounding = np.random.default_rng(0).integers(-1, 2, RATE) / 2**15
    assert mistake(rounding)[0] == "silent"
    assert mistake(10 * rounding) == ("", "", "")


def test_one_channel_is_judged_alone():
    both = channels(VOICE, 0 * VOICE)
    assert mistake(both, 0) == mistake(both) == ("", "", "")
    assert mistake(both, 1)[0] == "silent"
    loud = channels(VOICE, np.sign(VOICE))
    assert mistake(loud, 0) == ("", "", "")
    assert mistake(loud, 1)[0] == "clipped"
    assert mistake(loud)[0] == "clipped"


def test_a_tenth_at_full_scale_is_clipped():
    samples = VOICE.copy()
    samples[: RATE // 10] = -1
    assert mistake(samples) == ("", "", "")
    samples[: RATE // 10 + 10] = 1
    assert mistake(samples) == ("clipped", "10% of its samples stand at full scale", "")


def test_floats_beyond_full_scale_are_named():
    state, detail, hint = mistake(2**15 * VOICE, is_float=True)
    assert (state, detail) == ("not scaled to ±1", "its largest sample is 9,830.4")
    assert "volume=1/32768" in hint
    assert mistake(2**31 * VOICE, is_float=True)[2] == "Scale its samples to ±1."
    assert mistake(5 * VOICE, is_float=True)[0] == "not scaled to ±1"
    assert mistake(np.sign(VOICE), is_float=True)[0] == "clipped"
    overshoot = VOICE.copy()
    overshoot[100] = 1.7
    assert mistake(overshoot, is_float=True) == ("", "", "")


def test_float_wav_in_16_bit_range_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, 2**15 * VOICE, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"is not scaled to ±1: its largest sample is 9,830\.4") as error:
        verify(path)
    assert "ffmpeg" in error.value.hint


def test_each_part_is_heard_to_its_end(tmp_path):
    """In any order, within a block and over several."""
    path = tmp_path / "a.wav"
    samples = np.random.default_rng(0).normal(0, 0.1, 700_000).astype(np.float32)
    samples[300_000:310_000] = 0
    soundfile.write(path, samples, 8000)
    limits = [(690_000, 10_000), (0, 700_000), (300_000, 10_000), (262_000, 300), (0, 8_000), (262_144, 262_144)]
    parts = [FileAudio(path, start, length) for start, length in limits]
    levels = levels_of(path, open_recording(path), parts)
    assert [level.num_frames for level in levels] == [length for _, length in limits]
    assert [level.mistake(is_float=False)[0] for level in levels] == ["", "", "silent", "", "", ""]
