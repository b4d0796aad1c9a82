"""Headers that give another length than the file has, streams one after the other, and files of other kinds."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import soundfile

from tune_asr.speech.audio.info import AudioError, Finding
from tune_asr.speech.audio.recordings import probe, read, verify

RATE = 16000
NOISE = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)


def encoded(samples=NOISE, kind="WAV", subtype=None, rate=RATE):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def saved(folder, content, name="a.wav"):
    path = folder / name
    path.write_bytes(content)
    return path


def changed(content, **lengths):
    """Overwrite the lengths of chunks by name; `file` is that of the whole."""
    content = bytearray(content)
    for name, length in lengths.items():
        place = 4 if name == "file" else content.find(name.encode()) + 4
        content[place : place + 4] = length
    return bytes(content)


def assert_refused(path, reason):
    for look in (probe, read, verify):
        with pytest.raises(AudioError, match=reason):
            look(path)


NOTHING, ALL = bytes(4), b"\xff" * 4


@pytest.mark.parametrize(
    "lengths",
    [{"data": NOTHING}, {"data": NOTHING, "file": NOTHING}, {"data": ALL, "file": ALL}, {"data": b"\0\xf0\xff\x7f"}],
)
def test_unfinished_wav_is_read_to_its_end(tmp_path, lengths):
    content = encoded()
    expected, _ = read(saved(tmp_path, content))
    path = saved(tmp_path, changed(content, **lengths))
    assert probe(path) == verify(path)
    assert (probe(path).num_frames, probe(path).findings) == (2 * RATE, (Finding.UNFINISHED,))
    np.testing.assert_array_equal(read(path)[0], expected)
    np.testing.assert_array_equal(read(path, 1234, 567)[0], expected[1234:1801])


@pytest.mark.parametrize("value", [NOTHING, ALL])
@pytest.mark.parametrize("kind", ["AIFF"])
def test_unfinished_aiff_is_read_to_its_end(tmp_path, value, kind):
    content = encoded(kind=kind)
    path = saved(tmp_path, changed(content, file=value, SSND=value))
    assert (verify(path).num_frames, probe(path).findings) == (2 * RATE, (Finding.UNFINISHED,))
    np.testing.assert_array_equal(read(path)[0], read(saved(tmp_path, content, "b.aiff"))[0])


def test_empty_data_chunk_before_another_is_empty(tmp_path):
    header = changed(encoded()[:44], data=NOTHING)
    assert_refused(saved(tmp_path, header + b"LIST\4\0\0\0INFO"), "holds no samples")
    assert_refused(saved(tmp_path, header), "holds no samples")


def test_first_rules_keep_their_verdicts(tmp_path):
    path = saved(tmp_path, changed(encoded(), data=NOTHING))
    with pytest.raises(AudioError, match="holds no samples"):
        probe(path, rules=1)
    path = saved(tmp_path, encoded(kind="OGG") * 2)
    assert probe(path, rules=1).num_frames == len(read(path, rules=1)[0]) == 2 * RATE


def test_samples_after_declared_ones_are_reported(tmp_path):
    """A recorder was killed after it had written its length once."""
    path = saved(tmp_path, changed(encoded(), data=(32_000).to_bytes(4, "little")))
    assert_refused(path, r"holds 1 s of samples after the 1 s that its header declares")
    aiff = encoded(kind="AIFF")
    assert_refused(saved(tmp_path, changed(aiff, SSND=(32_008).to_bytes(4))), "holds 1 s of samples after the 1 s")


@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
def test_second_file_is_reported(tmp_path, kind):
    path = saved(tmp_path, encoded(kind=kind) + encoded(NOISE[:RATE], kind))
    assert_refused(path, r"holds two recordings: another file begins after its 2(\.001)? s \(1.00\d s more\)")


def test_second_flac_is_reported(tmp_path):
    path = saved(tmp_path, encoded(kind="FLAC") * 2, "a.flac")
    with pytest.raises(AudioError, match="holds two recordings: another FLAC file begins after its 2 s"):
        verify(path)


@pytest.mark.parametrize(
    "rest",
    [
        bytes(40_000),
        b"LIST" + (30_000).to_bytes(4, "little") + b"INFO" * 7500,
        b"_PMX" + (30_000).to_bytes(4, "little") + b"<xmp" * 7500,
        b"TAG" + b"x" * 125,
    ],
    ids=["zeros", "LIST", "_PMX", "TAG"],
)
def test_other_data_after_samples_are_allowed(tmp_path, rest):
    assert verify(saved(tmp_path, encoded() + rest)).num_frames == 2 * RATE


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_chained_ogg_is_read_whole(tmp_path, subtype):
    pieces = [encoded(NOISE[:length], "OGG", subtype) for length in (2 * RATE, RATE, 24_000)]
    expected = np.concatenate([read(saved(tmp_path, piece))[0] for piece in pieces])
    path = saved(tmp_path, b"".join(pieces), "a.ogg")
    assert probe(path) == verify(path)
    assert (probe(path).num_frames, probe(path).findings) == (len(expected), (Finding.JOINED,))
    np.testing.assert_array_equal(read(path)[0], expected)
    for start, num_frames in ((10, 100), (30_000, 4_000), (31_000, 20_000), (60_000, 5_000)):
        np.testing.assert_array_equal(read(path, start, num_frames)[0], expected[start : start + num_frames])


def test_data_between_streams_are_no_samples(tmp_path):
    one = encoded(kind="OGG")
    expected, _ = read(saved(tmp_path, one))
    path = saved(tmp_path, one + b"TAG" + bytes(125) + one + encoded(NOISE[:0], "OGG") + b"no page")
    assert verify(path).num_frames == 4 * RATE
    np.testing.assert_array_equal(read(path)[0], np.concatenate([expected, expected]))


def test_chained_ogg_of_two_rates_is_refused(tmp_path):
    path = saved(tmp_path, encoded(kind="OGG") + encoded(kind="OGG", rate=8000))
    assert_refused(path, "holds 2 streams one after the other, of 16,000 Hz .* and 8,000 Hz")


def test_stream_without_its_first_flag_is_refused(tmp_path):
    content = bytearray(encoded(kind="OGG"))
    content[5] = 0
    with pytest.raises(AudioError, match="cannot be read as audio"):
        probe(saved(tmp_path, content))


def test_truncated_last_stream_is_refused(tmp_path):
    assert_refused(saved(tmp_path, (encoded(kind="OGG") * 2)[:-100]), "is truncated")


@pytest.mark.parametrize(
    ("content", "reason", "hint"),
    [
        (
            b"\0\0\0\x1cftypM4A " + bytes(200),
            r"is M4A \(AAC\) or MP4: only WAV, AIFF, CAF, FLAC, OGG and MP3 are read",
            "IN.m4a OUT.flac",
        ),
        (b"\xff\xf1\x50\x80" + bytes(200), "is AAC: only WAV", "ffmpeg -i IN.aac OUT.flac"),
        (b"ID3\4\0\0\0\0\0\0\xff\xf1\x50\x80" + bytes(200), "is AAC: only WAV", "ffmpeg -i IN.aac"),
        (b"\x1aE\xdf\xa3" + bytes(200), "is WebM or Matroska: only WAV", "IN.webm"),
        (b"0&\xb2u\x8ef\xcf\x11" + bytes(200), "is WMA: only WAV", "IN.wma"),
        (b"#!AMR\n" + bytes(200), "is AMR: only WAV", "IN.amr"),
        (b"wvpk" + bytes(200), "is WavPack: only WAV", "IN.wv"),
        (b"MAC " + bytes(200), "is Monkey's Audio: only WAV", "IN.ape"),
        (b"NIST_1A\n   1024\nsample_count -i 5\n" + b" " * 990, "is NIST SPHERE: only WAV", "sph2pipe -f wav IN.sph"),
        (b"<html><body>404 Not Found</body></html>", r"is no audio \(HTML\)", "fetch it again"),
        (b"\n<!DOCTYPE html>\n<p>" + b"x" * 1000, r"is no audio \(HTML\)", "fetch it again"),
        (b'<?xml version="1.0"?><Error/>', r"is no audio \(XML\)", ""),
        (json.dumps({"error": "not found"}).encode(), r"is no audio \(JSON\)", ""),
        (b'{"a": 1}\n{"a": 2}\n', r"is no audio \(JSON\)", ""),
        ("Überlastet.\n".encode() * 100, r"is no audio \(text: 'Überlastet.'\)", ""),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "the pointer of Git LFS", "git lfs pull"),
        (b"PK\3\4" + bytes(100), r"is no audio \(a ZIP archive\)", ""),
        (b"\x1f\x8b\x08" + bytes(100), "compressed by gzip", ""),
        (np.random.default_rng(2).bytes(2000), r"cannot be read as audio \(Format not recognised\)", ""),
    ],
)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3"])
def test_other_files_are_named(tmp_path, capfd, name, content, reason, hint):
    path = saved(tmp_path, content, name)
    assert_refused(path, reason)
    with pytest.raises(AudioError) as error:
        probe(path)
    assert hint in error.value.hint
    assert "Format" in reason or capfd.readouterr().err == ""
