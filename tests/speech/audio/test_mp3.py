"""MP3 of every making is as long as it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from tune_asr.speech.audio import recordings as audio
from tune_asr.speech.audio.info import AudioError, Finding
from tune_asr.speech.audio.mp3 import open_mp3
from tune_asr.speech.audio.mp3_frames import Kind, frames_of
from tune_asr.speech.audio.recordings import probe, read, verify

RATE = 16000
MODES = ("CONSTANT", "AVERAGE", "VARIABLE")


def sound(rate=RATE, channels=1, seconds=2.0):
    """Return a tone, which makes small frames, and noise that comes and goes."""
    times = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(0, 0.1, (len(times), channels))
    return 0.3 * np.sin(2 * np.pi * 300 * times)[:, None] + noise * (np.sin(2 * np.pi * times) > 0)[:, None]


def encoded(mode="VARIABLE", rate=RATE, channels=1, seconds=2.0):
    """Return an MP3 file with a tag of LAME's."""
    file = io.BytesIO()
    samples = sound(rate, channels, seconds)
    soundfile.write(file, samples, rate, format="MP3", bitrate_mode=mode, compression_level=0.4)
    return file.getvalue()


def decoded(content):
    return soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)[0].mean(axis=1)


def without_tag(content):
    return content[frames_of(content).offsets[1] :]


def with_count(content, change, number_of_bytes=None):
    """Change the number of frames in the tag, and set the number of bytes."""
    place = max(content.find(b"Xing"), content.find(b"Info"))
    count = int.from_bytes(content[place + 8 : place + 12]) + change
    changed = bytearray(content)
    changed[place + 8 : place + 12] = count.to_bytes(4)
    if number_of_bytes is not None:
        changed[place + 12 : place + 16] = number_of_bytes.to_bytes(4)
    return bytes(changed)


def saved(folder, content):
    path = folder / "a.mp3"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_length_is_that_of_the_encoded(tmp_path, rate, channels):
    """MPEG-1, 2 and 2.5, with the encoder's samples cut off at both ends."""
    for mode in MODES:
        content = encoded(mode, rate, channels, 1.234)
        path = saved(tmp_path, content)
        assert probe(path) == verify(path)
        samples, found = read(path)
        assert (len(samples), found) == (round(1.234 * rate), rate) == (probe(path).num_frames, rate)
        np.testing.assert_allclose(samples, decoded(content), atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_mp3_without_tag_is_whole(tmp_path, mode):
    """All frames are read, though libsndfile guesses another number of samples."""
    content = encoded(mode, seconds=3.0)
    path = saved(tmp_path, without_tag(content))
    num_frames = 576 * (len(frames_of(content).offsets) - 1)
    assert probe(path).num_frames == verify(path).num_frames == num_frames
    samples, _ = read(path)
    assert len(samples) == num_frames
    np.testing.assert_allclose(samples[576 + 529 :][: 3 * RATE], decoded(content), atol=1e-6)


def test_rules_of_first_release_keep_the_guess(tmp_path):
    path = saved(tmp_path, without_tag(encoded("VARIABLE", seconds=3.0)))
    assert probe(path, rules=1).num_frames == soundfile.info(path).frames < 2 * RATE
    assert len(read(path, rules=1)[0]) == soundfile.info(path).frames


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("has_tag", [True, False])
def test_part_equals_samples_of_whole(tmp_path, mode, has_tag):
    content = encoded(mode)
    path = saved(tmp_path, content if has_tag else without_tag(content))
    whole, _ = read(path)
    for start in range(0, len(whole) - 700, 977):
        np.testing.assert_allclose(read(path, start, 700)[0], whole[start : start + 700], atol=1e-6)
    np.testing.assert_allclose(read(path, len(whole) - 1)[0], whole[-1:], atol=1e-6)


def test_part_needs_no_complaint(tmp_path, capfd):
    """Frames before a part lend their bits; the decoder does not miss any."""
    path = saved(tmp_path, encoded("VARIABLE"))
    for start in range(0, 2 * RATE - 700, 977):
        read(path, start, 700)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("change", [-30, 30])
def test_wrong_count_is_remarked(tmp_path, change):
    content = encoded()
    path = saved(tmp_path, with_count(content, change))
    assert probe(path).findings == (Finding.WRONG_COUNT,)
    assert verify(path).num_frames == 2 * RATE
    np.testing.assert_allclose(read(path)[0], decoded(content), atol=1e-6)


def test_missing_third_is_truncation(tmp_path):
    content = encoded()
    cut = content[: 2 * len(content) // 3]
    for truncated in (cut, with_count(cut, 0, 0)):
        with pytest.raises(AudioError, match=r"is truncated: [12]\d,\d{3} of 32,000 samples are left"):
            probe(saved(tmp_path, truncated))


def test_missing_end_of_last_frame_is_allowed(tmp_path):
    path = saved(tmp_path, encoded()[:-10])
    assert 2 * RATE - 576 <= verify(path).num_frames == len(read(path)[0]) < 2 * RATE


def test_joined_files_are_read_one_by_one(tmp_path):
    contents = [encoded(mode, seconds=seconds) for mode, seconds in zip(MODES, (1.0, 1.5, 0.7), strict=True)]
    path = saved(tmp_path, b"".join(contents))
    assert verify(path).findings == (Finding.JOINED,)
    expected = np.concatenate([decoded(content) for content in contents])
    np.testing.assert_allclose(read(path)[0], expected, atol=1e-6)
    np.testing.assert_allclose(read(path, 15_000, 30_000)[0], expected[15_000:45_000], atol=1e-6)


def test_joined_files_without_tags_are_whole(tmp_path):
    one = without_tag(encoded("CONSTANT"))
    alone = probe(saved(tmp_path, one)).num_frames
    path = saved(tmp_path, b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + one + b"TAG" + bytes(125) + one)
    assert verify(path).num_frames == len(read(path)[0]) == 2 * alone


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"ID3\4\0\0\0\0\2\0" + b"\xff\xfb\x90\xc4" * 64, b""),
        (b"", b"TAG" + b"\xff" * 125),
        (
            b"",
            b"APETAGEX"
            + bytes(4)
            + (600).to_bytes(4, "little")
            + bytes(7)
            + b"\xa0"
            + bytes(8)
            + b"\xff\xfb\x50" * 200,
        ),
        (b"", bytes(5000)),
        (b"\xff\xfb\xd0 cut in its first frame" * 3, b""),
        (bytes(3000), b"no audio " * 300),
    ],
    ids=["ID3v2", "ID3v1", "APE", "zeros", "garbage", "both"],
)
def test_other_data_are_no_samples(tmp_path, before, after):
    content = encoded()
    for frames in (content, without_tag(content)):
        expected, _ = read(saved(tmp_path, frames))
        path = saved(tmp_path, before + frames + after)
        assert verify(path).num_frames == len(expected)
        np.testing.assert_allclose(read(path)[0], expected, atol=1e-6)


def test_data_between_frames_are_no_samples(tmp_path):
    content = encoded("CONSTANT")
    middle = frames_of(content).offsets[30]
    path = saved(tmp_path, content[:middle] + b"no audio " * 20 + content[middle:])
    assert verify(path).num_frames == 2 * RATE
    np.testing.assert_allclose(read(path)[0], decoded(content), atol=1e-6)


def test_vbri_tag_holds_no_samples(tmp_path):
    content = encoded(rate=44100, channels=2)
    frames = frames_of(content)
    tag = bytearray(frames.sizes[0])
    tag[:4] = content[frames.offsets[0] :][:4]
    tag[36:54] = b"VBRI\0\1\0\0\0\0" + len(content).to_bytes(4) + (len(frames.offsets) - 1).to_bytes(4)
    path = saved(tmp_path, bytes(tag) + without_tag(content))
    assert verify(path).num_frames == 1152 * (len(frames.offsets) - 1)
    assert probe(path).findings == ()


@pytest.mark.parametrize(("delay", "padding"), [(0, 0), (576, 100), (0, 528), (576, 529), (1105, 2000), (0, 4095)])
def test_added_samples_are_cut_as_by_libsndfile(tmp_path, delay, padding):
    content = bytearray(encoded())
    place = max(content.find(b"Xing"), content.find(b"Info")) + 120 + 21
    content[place : place + 3] = (delay << 12 | padding).to_bytes(3)
    path = saved(tmp_path, content)
    assert probe(path).num_frames == soundfile.info(path).frames
    np.testing.assert_allclose(read(path)[0], decoded(bytes(content)), atol=1e-6)


def test_first_frames_may_miss_bits(tmp_path):
    """A stream cut at its start borrows bits that are gone."""
    content = encoded(rate=44100)
    frames = frames_of(content)
    path = saved(tmp_path, content[frames.offsets[9] :])
    assert verify(path).num_frames == len(read(path)[0]) == 1152 * (len(frames.offsets) - 9)


@pytest.mark.parametrize(
    ("second", "difference"),
    [({"rate": 24000}, "sample rate or layer"), ({"channels": 2}, "number of channels")],
)
def test_joined_files_of_two_kinds_are_refused(tmp_path, second, difference):
    path = saved(tmp_path, encoded() + encoded(**second))
    for look in (probe, read, verify):
        with pytest.raises(AudioError, match=f"changes its {difference} in the middle"):
            look(path)


@pytest.mark.parametrize(
    ("header", "size", "samples", "kind"),
    [
        (b"\xff\xfd\x80\xc4", 417, 1152, Kind(3, 2, 0)),
        (b"\xff\xf5\x80\xc4", 417, 1152, Kind(2, 2, 0)),
        (b"\xff\xff\x80\xc4", 276, 384, Kind(3, 1, 0)),
    ],
    ids=["layer II", "layer II of MPEG-2", "layer I"],
)
def test_other_layers_are_counted(tmp_path, header, size, samples, kind):
    """Frames of silence, since libsndfile writes layer III alone."""
    path = saved(tmp_path, (header + bytes(size - 4)) * 50)
    assert probe(path).num_frames == 50 * samples == len(read(path)[0])
    assert not read(path, 1000, 5000)[0].any()
    assert (open_mp3(path).frames.kind, probe(path).channels) == (kind, 1)


def test_long_recording_is_verified_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_BLOCK", 1000)
    for content in (encoded(), without_tag(encoded()), encoded() + encoded("CONSTANT")):
        path = saved(tmp_path, content)
        assert verify(path).num_frames == len(read(path)[0])


def test_frames_of_other_data_are_none():
    generator = np.random.default_rng(0)
    assert frames_of(b"") is frames_of(bytes(1000)) is frames_of(b"\xff" * 1000) is None
    assert [found for _ in range(20) if (found := frames_of(generator.bytes(20_000)))] == []
