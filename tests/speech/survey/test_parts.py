"""The part of a row is judged, as it is heard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.survey.manifests import survey_manifests
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.text.normalizer import TextNormalizer

RATE = 8000
VOICE = np.random.default_rng(0).normal(0, 0.1, RATE)
OTHER = np.random.default_rng(1).normal(0, 0.1, RATE)
SILENCE = np.zeros(RATE)


def survey(folder: Path, *rows: dict, **settings) -> Survey:
    """Survey rows for training, beside a good one for validation."""
    soundfile.write(folder / "val.wav", OTHER, RATE)
    for split, of_split in (("train", rows), ("val", [{"audio_filepath": "val.wav"}])):
        lines = (json.dumps({"text": f"text {i}", **row}) for i, row in enumerate(of_split))
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    arguments = {"normalizer": TextNormalizer(), "sample_rate": RATE, "max_seconds": None, "subsampling": 4}
    return survey_manifests(folder / "train.jsonl", folder / "val.jsonl", **(arguments | settings))


def part(name: str, offset: float, duration: float = 1.0, **more) -> dict:
    return {"audio_filepath": name, "offset": offset, "duration": duration, **more}


def test_silent_part_is_a_bad_row(tmp_path):
    soundfile.write(tmp_path / "call.flac", np.concatenate([VOICE, SILENCE, VOICE]), RATE)
    rows = [part("call.flac", offset) for offset in (0.0, 1.0, 2.0)]
    [bad] = survey(tmp_path, *rows).bad_rows
    assert bad.place.endswith("train.jsonl:2")
    assert bad.what.endswith("call.flac is silent from 1 s to 2 s: every sample is 0")
    assert survey(tmp_path, *rows, rules=1).bad_rows == ()
    assert survey(tmp_path, *rows, decode=False).bad_rows == ()


def test_silent_rest_of_recording_is_allowed(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.concatenate([np.sign(VOICE), VOICE, SILENCE]), RATE)
    assert survey(tmp_path, part("a.wav", 1.0)).bad_rows == ()
    [bad] = survey(tmp_path, part("a.wav", 0.0)).bad_rows
    assert "is clipped from 0 s to 1 s: 100% of its samples" in bad.what
    [bad] = survey(tmp_path, part("a.wav", 1.0), rules=1).bad_rows
    assert "is clipped: 33% of its samples" in bad.what


def test_many_parts_are_judged_each(tmp_path):
    """Parts overlap, and begin and end inside of the blocks that are decoded."""
    seconds = 70  # more than two blocks of 2^18 samples
    samples = np.tile(VOICE, seconds)
    samples[20 * RATE : 45 * RATE] = 0
    soundfile.write(tmp_path / "long.flac", samples, RATE)
    rows = [part("long.flac", offset, 5.0) for offset in range(65)]
    silent = {int(bad.place.rpartition(":")[2]) - 1 for bad in survey(tmp_path, *rows).bad_rows}
    assert silent == set(range(20, 41))


def test_channels_are_speakers(tmp_path):
    soundfile.write(tmp_path / "call.wav", np.stack([VOICE, OTHER], axis=1), RATE)
    soundfile.write(tmp_path / "half.wav", np.stack([VOICE, SILENCE], axis=1), RATE)
    rows = [{"audio_filepath": "call.wav", "channel": channel} for channel in (0, 1, 2)]
    rows += [{"audio_filepath": "half.wav", "channel": channel} for channel in (0, 1)]
    found = survey(tmp_path, *rows)
    assert [bad.what.removeprefix(f"{tmp_path}/") for bad in found.bad_rows] == [
        "call.wav has 2 channels, 0 to 1, but its row asks for channel 2",
        "half.wav is silent in channel 1: every sample is 0",
    ]
    assert [u.audio for u in found.corpus.train] == [
        FileAudio(tmp_path / "call.wav", channel=0),
        FileAudio(tmp_path / "call.wav", channel=1),
        FileAudio(tmp_path / "half.wav", channel=0),
    ]
    np.testing.assert_allclose(found.corpus.train[1].audio.samples()[0], OTHER, atol=1e-4)
    report = found.render()
    assert "down-mixed" not in report
    assert "recordings more than once" not in report


def test_channels_are_in_fingerprints(tmp_path):
    soundfile.write(tmp_path / "call.wav", np.stack([VOICE, OTHER], axis=1), RATE)
    found = [
        survey(tmp_path, {"audio_filepath": "call.wav", "channel": channel}, rules=rules).corpus
        for rules in (2, 1)
        for channel in (0, 1)
    ]
    assert found[0].fingerprint != found[1].fingerprint
    assert found[0].machine_key != found[1].machine_key
    # Release 0.1.0 ignored channels.
    assert found[2].fingerprint == found[3].fingerprint
    assert found[2].train[0].audio == FileAudio(tmp_path / "call.wav", rules=1)


def test_rules_have_caches_of_their_own(tmp_path):
    soundfile.write(tmp_path / "a.wav", VOICE, RATE)
    row = {"audio_filepath": "a.wav"}
    first, second = (survey(tmp_path, row, rules=rules).corpus for rules in (1, 2))
    assert first.machine_key != second.machine_key
    assert first.fingerprint == second.fingerprint


def test_opposite_phase_is_remarked(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([0.9 * VOICE, -VOICE], axis=1), RATE)
    soundfile.write(tmp_path / "b.wav", np.stack([VOICE, VOICE], axis=1), RATE)
    found = survey(tmp_path, {"audio_filepath": "a.wav"}, {"audio_filepath": "b.wav"})
    assert found.bad_rows == ()
    report = " ".join(found.render().split())
    assert "channels of opposite phase, which cancel each other, so that the louder one alone is used: 1" in report
    assert "('a.wav')" in report
    np.testing.assert_allclose(found.corpus.train[0].audio.samples()[0], -VOICE, atol=1e-4)


def test_findings_are_remarked(tmp_path):
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, VOICE, RATE)
        content = bytearray((tmp_path / name).read_bytes())
        content[40:44] = bytes(4)
        (tmp_path / name).write_bytes(content)
    found = survey(tmp_path, {"audio_filepath": "a.wav"}, {"audio_filepath": "b.wav"})
    assert [u.seconds for u in found.corpus.train] == [1.0, 1.0]
    remark = "recordings whose header was never completed, read to the end of the file: 2 ('a.wav', 'b.wav')"
    assert remark in " ".join(found.render().split())


def test_hint_is_printed_once(tmp_path):
    for name in ("a.m4a", "b.m4a"):
        (tmp_path / name).write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    found = survey(tmp_path, {"audio_filepath": "a.m4a"}, {"audio_filepath": "b.m4a"})
    assert [bad.hint for bad in found.bad_rows] == ["Convert it, for example: ffmpeg -i IN.m4a OUT.flac", ""]
    assert found.render().count("ffmpeg") == 1


@pytest.mark.parametrize("decode", [True, False])
def test_length_needs_no_decoding(tmp_path, decode):
    """A trial trusts headers, and finds the same lengths as its search."""
    soundfile.write(tmp_path / "a.mp3", VOICE, RATE, bitrate_mode="VARIABLE")
    content = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(2 * content)
    found = survey(tmp_path, {"audio_filepath": "a.mp3"}, decode=decode)
    assert [u.seconds for u in found.corpus.train] == [2.0]
    assert len(found.corpus.train[0].audio.samples()[0]) == 2 * RATE


def test_second_channel_of_one_is_a_remark(tmp_path):
    soundfile.write(tmp_path / "B.wav", VOICE, RATE)
    for name, line in (("wav.scp", "u1 B.wav"), ("text", "u1 One"), ("reco2file_and_channel", "u1 call B")):
        (tmp_path / name).write_text(f"{line}\n")
    soundfile.write(tmp_path / "val.wav", OTHER, RATE)
    (tmp_path / "val.jsonl").write_text(json.dumps({"audio_filepath": "val.wav", "text": "one"}))
    arguments = {"normalizer": TextNormalizer(), "sample_rate": RATE, "max_seconds": None, "subsampling": 4}
    found = survey_manifests(tmp_path, tmp_path / "val.jsonl", **arguments)
    assert "recordings with but one channel, which is read, though" in "\n".join(found.remarks)
    assert not found.bad_rows


def test_rows_without_a_speaker_are_a_remark(tmp_path):
    soundfile.write(tmp_path / "a.wav", VOICE, RATE)
    soundfile.write(tmp_path / "b.wav", OTHER * 0.5, RATE)
    rows = [{"audio_filepath": "a.wav", "id": "u1"}, {"audio_filepath": "b.wav", "id": "u2", "speaker": "s"}]
    found = survey(tmp_path, *rows)
    assert "rows without a speaker, though others of their file name one: 1 ('u1')" in found.remarks


def test_address_is_shown_as_given(tmp_path):
    [bad] = survey(tmp_path, {"audio_filepath": "https://x.y/a.wav"}).bad_rows
    assert bad.what == "https://x.y/a.wav is an address; nothing is fetched; download it and name the file"


def test_rows_of_one_line_are_told_apart(tmp_path):
    soundfile.write(tmp_path / "a.wav", VOICE, RATE)
    soundfile.write(tmp_path / "val.wav", OTHER, RATE)
    rows = {
        "u1": {"wav": "a.wav", "words": "one"},
        "u2": {"wav": "b.wav", "words": "x"},
        "u3": {"wav": 3, "words": "x"},
    }
    (tmp_path / "sb.json").write_text(json.dumps(rows))
    (tmp_path / "val.jsonl").write_text(json.dumps({"audio_filepath": "val.wav", "text": "one"}))
    arguments = {"normalizer": TextNormalizer(), "sample_rate": RATE, "max_seconds": None, "subsampling": 4}
    found = survey_manifests(tmp_path / "sb.json", tmp_path / "val.jsonl", **arguments)
    assert sorted(bad.what for bad in found.bad_rows) == [
        f"u2: {tmp_path}/b.wav does not exist",
        'u3: "wav" is 3, but must be text',
    ]
