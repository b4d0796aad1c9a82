from __future__ import annotations

import os
import socket
import struct

import numpy as np
import pytest
import soundfile

from tune_asr.speech.audio import recordings as audio
from tune_asr.speech.audio.info import Finding
from tune_asr.speech.audio.recordings import AudioError, AudioInfo, probe, read, verify

RATE = 16000
TONE = (0.3 * np.sin(np.arange(2 * RATE) * 0.17)).astype(np.float32)
NOISE = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)  # does not compress to nothing
FORMATS = ["wav", "flac", "ogg", "mp3", "aiff"]


def write(path, samples=NOISE, **options):
    soundfile.write(path, samples, RATE, **options)
    return path


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def assert_unusable(path, reason):
    for look in (probe, read, verify):
        with pytest.raises(AudioError, match=reason):
            look(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_good_file_is_read_whole(tmp_path, ending):
    path = write(tmp_path / f"a.{ending}")
    assert probe(path) == verify(path) == AudioInfo(sample_rate=RATE, channels=1, num_frames=2 * RATE)
    samples, rate = read(path)
    assert (samples.shape, samples.dtype, rate) == ((2 * RATE,), np.float32, RATE)


def test_lossless_samples_survive(tmp_path):
    samples, _ = read(write(tmp_path / "a.wav", TONE, subtype="FLOAT"))
    np.testing.assert_array_equal(samples, TONE)


def test_channels_are_mixed_to_their_mean(tmp_path):
    stereo = np.stack([TONE, NOISE], axis=1)
    path = write(tmp_path / "a.wav", stereo, subtype="FLOAT")
    assert probe(path).channels == 2
    np.testing.assert_allclose(read(path)[0], stereo.mean(axis=1), atol=1e-7)


def test_one_channel_is_read_alone(tmp_path):
    path = write(tmp_path / "a.wav", np.stack([TONE, NOISE], axis=1), subtype="FLOAT")
    np.testing.assert_array_equal(read(path, channel=0)[0], TONE)
    np.testing.assert_array_equal(read(path, 100, 50, channel=1)[0], NOISE[100:150])
    np.testing.assert_array_equal(audio.FileAudio(path, 100, 50, 1).samples()[0], NOISE[100:150])
    with pytest.raises(AudioError, match="has 2 channels, 0 to 1, but its row asks for channel 2"):
        read(path, channel=2)
    with pytest.raises(AudioError, match="has one channel, number 0, but its row asks for channel 1"):
        read(write(tmp_path / "b.wav", TONE), channel=1)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_truncated_file_is_refused(tmp_path, ending, share):
    path = cut(write(tmp_path / f"a.{ending}"), share)
    for look in (read, verify):
        with pytest.raises(AudioError, match=r"truncated|cannot be read as audio"):
            look(path)


@pytest.mark.parametrize(("ending", "kind"), [("au", "AU"), ("voc", "VOC"), ("8svx", "SVX")])
def test_unverifiable_containers_are_refused(tmp_path, ending, kind):
    path = cut(write(tmp_path / f"a.{ending}", format=kind))
    assert_unusable(path, f"is {kind}: only WAV, AIFF, CAF, FLAC, OGG and MP3 are read")
    with pytest.raises(AudioError) as error:
        probe(path)
    assert f"sox IN.{ending} OUT.wav" in error.value.hint


@pytest.mark.parametrize("kind", ["RF64", "W64"])
def test_large_containers_are_read(tmp_path, kind):
    path = write(tmp_path / "a.wav", format=kind)
    np.testing.assert_array_equal(read(path)[0], read(write(tmp_path / "b.wav"))[0])
    assert verify(path).num_frames == 2 * RATE
    with pytest.raises(AudioError, match=f"is a {kind} file"):
        probe(path, rules=1)
    content = path.read_bytes()
    start = content.find(b"data")
    no_length = bytearray(content)
    place = content.find(b"ds64") + 16 if kind == "RF64" else start + 16
    no_length[place : place + 8] = bytes(8)
    path.write_bytes(no_length)
    assert_unusable(path, "has no length in its header")
    path.write_bytes(content)
    assert_unusable(cut(path), "is truncated")


def test_name_of_raw_samples_is_overruled(tmp_path):
    for ending in ("raw", "gsm", "vox", "mp3"):
        for kind in ("WAV", "FLAC", "CAF"):
            assert verify(write(tmp_path / f"a.{ending}", format=kind)).num_frames == 2 * RATE


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_name_need_not_be_utf_8(tmp_path, ending):
    path = tmp_path / os.fsdecode(b"gr\xfc\xdfe." + ending.encode())
    write(tmp_path / f"a.{ending}").rename(path)
    assert probe(path).num_frames == len(read(path)[0]) == 2 * RATE


def test_samples_without_header_are_refused(tmp_path):
    path = tmp_path / "a.raw"
    for first in (b"\1\0", b"\xff\xff"):
        path.write_bytes(first + (NOISE * 30_000).astype("<i2").tobytes())
        assert_unusable(path, "holds samples without a header")
    with pytest.raises(AudioError) as error:
        probe(path)
    assert "sox -t raw" in error.value.hint
    with pytest.raises(AudioError, match=r"its name ends in \.raw"):
        probe(path, rules=1)


@pytest.mark.parametrize("rate", [0, 1, 4_294_967_295])
def test_absurd_rate_is_refused(tmp_path, rate):
    path = write(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)
    assert_unusable(path, f"is damaged: its header says {rate:,} Hz")


def test_contradictory_header_is_named(tmp_path):
    """Floating-point numbers of 16 bits."""
    path = write(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[20] = 3
    path.write_bytes(content)
    assert_unusable(path, "its header contradicts itself")


@pytest.mark.parametrize("first", [b"\xff\xfb", b"ID3\4\0\0\0\0\0\0\xff\xfb", b"\1\2"])
def test_random_bytes_are_no_mp3(tmp_path, capfd, first):
    path = tmp_path / "a.mp3"
    path.write_bytes(first + np.random.default_rng(1).bytes(50_000))
    assert_unusable(path, r"cannot be read as audio \(Format not recognised\)")
    assert capfd.readouterr().err == ""


def test_tag_before_ogg_is_passed_over(tmp_path):
    path = write(tmp_path / "a.ogg")
    expected = read(path)[0]
    path.write_bytes(b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + path.read_bytes())
    assert verify(path) == AudioInfo(RATE, 1, 2 * RATE)
    np.testing.assert_array_equal(read(path)[0], expected)


def test_truncation_is_recognised_by_content(tmp_path):
    write(tmp_path / "a.wav").rename(tmp_path / "a.flac")
    assert_unusable(cut(tmp_path / "a.flac"), "is truncated: the file ends before the samples")


def test_truncated_mp3_names_its_rest(tmp_path):
    with pytest.raises(AudioError, match=r"is truncated: [\d,]+ of 32,000 samples are left"):
        read(cut(write(tmp_path / "a.mp3")))


def test_other_wav_chunks_are_allowed(tmp_path):
    content = write(tmp_path / "a.wav").read_bytes()
    header, fmt, data = content[:12], content[12:36], content[36:]
    odd_chunk = b"junk" + struct.pack("<I", 3) + b"abc\0"
    (tmp_path / "a.wav").write_bytes(header + odd_chunk + fmt + data + b"TAG and whatever more than a chunk")
    assert verify(tmp_path / "a.wav").num_frames == 2 * RATE
    assert_unusable(cut(tmp_path / "a.wav"), "is truncated: the file ends before the samples")


@pytest.mark.parametrize("length", [0xFFFF_FFFF, 0x7FFF_F000])
def test_piped_wav_without_length_is_whole(tmp_path, length):
    content = bytearray(write(tmp_path / "a.wav").read_bytes())
    content[40:44] = struct.pack("<I", length)
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read(tmp_path / "a.wav")[0]) == verify(tmp_path / "a.wav").num_frames == 2 * RATE


@pytest.mark.parametrize("num_frames", [2 * RATE, 4096, 4097, 17])
def test_flac_without_length_is_whole(tmp_path, num_frames):
    path = write(tmp_path / "a.flac", NOISE[:num_frames])
    expected, _ = read(path)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the number of samples: 36 bits of STREAMINFO
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert probe(path) == verify(path) == AudioInfo(RATE, 1, num_frames, (Finding.UNFINISHED,))
    np.testing.assert_array_equal(read(path)[0], expected)
    np.testing.assert_array_equal(read(path, 10, 5)[0], expected[10:15])
    with pytest.raises(AudioError, match="no length in its header"):
        probe(path, rules=1)


def test_flac_with_flipped_bit_is_refused(tmp_path):
    content = bytearray(write(tmp_path / "a.flac").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(AudioError, match="truncated or damaged"):
        verify(tmp_path / "a.flac")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_samples_are_refused(tmp_path, value):
    path = write(tmp_path / "a.wav", np.append(TONE, np.float32(value)), subtype="FLOAT")
    for look in (read, verify):
        with pytest.raises(AudioError, match="NaN or infinite"):
            look(path)


def test_what_is_not_there_is_refused(tmp_path):
    assert_unusable(tmp_path / "none.wav", "does not exist")
    assert_unusable(tmp_path, "is a directory")
    assert_unusable(tmp_path / "nul\0.wav", "a name that no file can have")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    assert_unusable(tmp_path / "loop.wav", "cannot be opened")


def test_blocking_files_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo.wav")
    assert_unusable(tmp_path / "fifo.wav", "is a FIFO, a socket or a device")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.wav"))
        assert_unusable(tmp_path / "socket.wav", "is a FIFO, a socket or a device")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    assert_unusable(tmp_path / "zero.wav", "is a FIFO, a socket or a device")


def test_what_holds_no_audio_is_refused(tmp_path):
    (tmp_path / "empty.wav").touch()
    assert_unusable(tmp_path / "empty.wav", "is empty")
    (tmp_path / "text.wav").write_text("This is no recording.\n" * 10)
    assert_unusable(tmp_path / "text.wav", r"is no audio \(text: 'This is no recording.'\)")
    assert_unusable(write(tmp_path / "none.wav", NOISE[:0]), "holds no samples")
    header_alone = write(tmp_path / "header.wav").read_bytes()[:44]
    (tmp_path / "header.wav").write_bytes(header_alone)
    assert_unusable(tmp_path / "header.wav", "is truncated")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_part_equals_samples_of_whole(tmp_path, ending):
    path = write(tmp_path / f"a.{ending}", np.stack([NOISE, TONE], axis=1))
    whole, _ = read(path)
    for start, num_frames in ((0, 1000), (12_345, 4_321), (31_999, 1)):
        part, rate = read(path, start, num_frames)
        assert rate == RATE
        np.testing.assert_array_equal(part, whole[start : start + num_frames])
    np.testing.assert_array_equal(read(path, 30_000)[0], whole[30_000:])


def test_part_beyond_end_is_refused(tmp_path):
    with pytest.raises(AudioError, match=r"is truncated: 1,000 of 1,001 samples are left"):
        read(write(tmp_path / "a.wav"), 31_000, 1_001)


def test_all_blocks_are_verified(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "_BLOCK", 1000)
    assert verify(write(tmp_path / "a.mp3")).num_frames == 2 * RATE
    samples = np.zeros(2 * RATE, np.float32)
    samples[-1] = 0.5
    assert verify(write(tmp_path / "a.wav", samples)).num_frames == 2 * RATE
    samples[-1] = np.inf
    with pytest.raises(AudioError, match="NaN or infinite"):
        verify(write(tmp_path / "b.wav", samples, subtype="FLOAT"))


def test_silence_is_refused(tmp_path):
    for value in (0.0, -0.5):
        with pytest.raises(AudioError, match=f"is silent: every sample is {value:g}"):
            verify(write(tmp_path / "a.wav", np.full(RATE, value)))


def test_a_tenth_clipped_is_refused(tmp_path):
    samples = TONE.copy()
    samples[: len(samples) // 10] = -1
    verify(write(tmp_path / "a.wav", samples))
    samples[: len(samples) // 10 + 10] = 1
    with pytest.raises(AudioError, match="is clipped: 10% of its samples stand at full scale"):
        verify(write(tmp_path / "a.wav", samples))
