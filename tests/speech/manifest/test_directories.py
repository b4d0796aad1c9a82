"""Directories of Kaldi's and LibriSpeech's layout, and audiofolders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tune_asr.errors import DataError
from tune_asr.speech.manifest import directories
from tune_asr.speech.manifest.directories import listing_files
from tune_asr.speech.manifest.rows import read_manifest


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("wav_scp", "wav.scp")).write_text(content)
    return folder


def placed(problems):
    return [(problem.place.rpartition("/")[2], problem.what) for problem in problems]


def test_kaldi_folder_lists_recordings(tmp_path):
    path = write(
        tmp_path,
        wav_scp="b-1 wav/b 1.flac\na-1\t/data/a.wav\n",
        text="a-1  One  two.\nb-1 Three\n",
        utt2spk="a-1 a\nb-1 b\n",
        spk2gender="a f\nb m\n",
    )
    rows, problems = read_manifest(path)
    assert not problems
    assert [(row.id, row.text, row.speaker, row.offset) for row in rows] == [
        ("b-1", "Three", "b", None),
        ("a-1", "One  two.", "a", None),
    ]
    assert [row.audio for row in rows] == [tmp_path / "wav/b 1.flac", Path("/data/a.wav")]
    assert rows[0].place == f"{tmp_path}/wav.scp:1"


def test_segments_are_parts_of_recordings(tmp_path):
    path = write(
        tmp_path,
        wav_scp="call call.wav\n",
        segments="u1 call 0.5 2.75\nu2 call 2.75 -1\n",
        text="u1 One\nu2 Two\n",
    )
    rows, problems = read_manifest(path)
    assert not problems
    assert [(row.id, row.offset, row.duration) for row in rows] == [("u1", 0.5, 2.25), ("u2", 2.75, None)]
    assert rows[0].audio is rows[1].audio
    assert rows[0].place == f"{tmp_path}/segments:1"


def test_kaldi_mistakes_name_their_lines(tmp_path):
    path = write(
        tmp_path,
        wav_scp="a a.wav\nb sph2pipe -f wav b.sph |\nc c.wav\nc d.wav\n",
        text="a One\nb Two\nmore Three\n",
    )
    rows, problems = read_manifest(path)
    assert [row.id for row in rows] == ["a"]
    assert placed(problems) == [
        ("text:3", "more has no recording in wav.scp"),
        (
            "wav.scp:2",
            "'sph2pipe -f wav b.sph |' is a command, which is never run; write its output to a file and name that",
        ),
        ("wav.scp:3", "c has no transcript in text"),
        ("wav.scp:4", "c is repeated, first in line 3"),
    ]


def test_bad_segments_name_their_lines(tmp_path):
    path = write(
        tmp_path,
        wav_scp="call call.wav\n",
        segments="u1 call 0.5\nu2 call x 1\nu3 none 0 1\nu4 call 2 1\nu5 call -1 1\nu6 call 0 1\n",
        text="".join(f"u{i} x\n" for i in range(1, 6)) + "u6\n",
    )
    rows, problems = read_manifest(path)
    assert not rows
    assert placed(problems) == [
        ("segments:1", "u1 'call 0.5': must be a recording, a start and an end in seconds, and perhaps a channel"),
        ("segments:2", "u2 'call x 1': must be a recording, a start and an end in seconds, and perhaps a channel"),
        ("segments:3", "its recording none is not in wav.scp"),
        ("segments:4", '"end" is 1.0, but must be above "offset", 2.0'),
        ("segments:5", '"offset" is -1.0, but must be a number of seconds, 0 or more'),
        ("text:6", 'u6: "text" is empty'),
    ]


def test_segments_have_channels(tmp_path):
    parts = ("0 1 0", "0 1 1", "0 -1 -1", "0 1", "0 1 B", "0 1 0 0", "0 1 -2")
    path = write(
        tmp_path,
        wav_scp="call call.wav\n",
        segments="".join(f"u{i} call {part}\n" for i, part in enumerate(parts)),
        text="".join(f"u{i} x\n" for i in range(len(parts))),
    )
    rows, problems = read_manifest(path)
    assert [(row.id, row.channel, row.is_channel_optional) for row in rows] == [
        ("u0", 0, False),
        ("u1", 1, False),
        ("u2", None, False),
        ("u3", None, False),
    ]
    assert [place for place, _ in placed(problems)] == ["segments:5", "segments:6", "segments:7"]


def test_channels_are_mistakes_by_rules_1(tmp_path):
    """As in release 0.1.0; it did not read reco2file_and_channel."""
    path = write(
        tmp_path,
        wav_scp="call call.wav\n",
        segments="u0 call 0 1 0\nu1 call 0 1\n",
        text="u0 One\nu1 Two\n",
        reco2file_and_channel="call call left\n",
    )
    [row], problems = read_manifest(path, rules=1)
    assert (row.id, row.channel) == ("u1", None)
    assert [place for place, _ in placed(problems)] == ["segments:1"]


def test_segment_without_recording_is_a_mistake(tmp_path):
    path = write(tmp_path, wav_scp="a a.wav\n", segments="u0\nu1 a 0 1\n", text="u0 One\nu1 Two\n")
    [row], problems = read_manifest(path)
    assert row.id == "u1"
    assert [place for place, _ in placed(problems)] == ["segments:1"]


@pytest.mark.parametrize(
    ("names", "channels"),
    [
        ("AB", [0, 1]),
        ("ab", [0, 1]),
        ("12", [0, 1]),
        ("01", [0, 1]),
        ("11", [0, 0]),
        ("21", [1, 0]),
        (("00", "1"), [0, 1]),
    ],
)
def test_channels_of_recordings(tmp_path, names, channels):
    """Letters, or numbers from 1, or from 0 if there is a 0."""
    path = write(
        tmp_path,
        wav_scp="call-A call.wav\ncall-B call.wav\nother a.wav\n",
        reco2file_and_channel=f"call-A call {names[0]}\ncall-B call {names[1]}\n",
        text="call-A One\ncall-B Two\nother Three\n",
    )
    rows, problems = read_manifest(path)
    assert not problems
    assert [(row.channel, row.is_channel_optional) for row in rows] == [*((n, True) for n in channels), (None, False)]


def test_unknown_channels_of_recordings(tmp_path):
    path = write(tmp_path, wav_scp="a a.wav\nb b.wav\n", reco2file_and_channel="a a left\nb\n", text="a One\nb Two\n")
    assert placed(read_manifest(path)[1]) == [
        ("reco2file_and_channel:1", "a 'a left': must be a recording, a file and a channel, A, B, 1 or 2"),
        ("reco2file_and_channel:2", "b '': must be a recording, a file and a channel, A, B, 1 or 2"),
    ]


def test_huge_channel_is_a_mistake(tmp_path):
    path = write(tmp_path, wav_scp="a a.wav\n", reco2file_and_channel=f"a a {'9' * 5000}\n", text="a One\n")
    assert [place for place, _ in placed(read_manifest(path)[1])] == ["reco2file_and_channel:1"]


def test_mistake_of_transcript_is_in_text(tmp_path):
    path = write(tmp_path, wav_scp="u1 1.wav\nu2 2.wav\n", text="u2 Two\nu1 go\aod\n")
    rows, problems = read_manifest(path)
    assert placed(problems) == [("text:2", 'u1: "text" has the control character U+0007 in place 3')]
    assert [(row.place, row.text_place) for row in rows] == [(f"{path}/wav.scp:2", f"{path}/text:1")]


def test_kaldi_folder_without_text_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"text: does not exist"):
        read_manifest(write(tmp_path, wav_scp="a a.wav\n"))


def test_librispeechs_layout_lists_its_recordings(tmp_path):
    one, two = tmp_path / "84/121123", tmp_path / "174/50561"
    write(one, **{"84-121123.trans.txt": "84-121123-0000 GO\n84-121123-0001 ON AND ON\n"})
    write(two, **{"174-50561.trans.txt": "174-50561-0000 STOP\n"})
    (two / "174-50561-0000.wav").touch()
    rows, problems = read_manifest(tmp_path)
    assert not problems
    assert [(row.id, row.text, row.speaker) for row in rows] == [
        ("174-50561-0000", "STOP", "174"),
        ("84-121123-0000", "GO", "84"),
        ("84-121123-0001", "ON AND ON", "84"),
    ]
    assert rows[0].audio_as_written == "174/50561/174-50561-0000.wav"
    assert rows[2].audio == one / "84-121123-0001.flac"
    assert rows[2].place == f"{one}/84-121123.trans.txt:2"


def test_an_audiofolder_is_its_metadata(tmp_path):
    (tmp_path / "metadata.csv").write_text("file_name,transcription\na.wav,One\n")
    [row], _ = read_manifest(tmp_path)
    assert (row.audio, row.text, row.place) == (tmp_path / "a.wav", "One", f"{tmp_path}/metadata.csv:2")


def test_unknown_folder_names_manifests_in_it(tmp_path):
    for name in ("train.tsv", "dev.tsv", "a.wav"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"holds none of (.|\n)*Name one of its files: dev\.tsv, train\.tsv"):
        read_manifest(tmp_path)


def test_listing_files_of_each_layout(tmp_path):
    kaldi = write(tmp_path / "kaldi", wav_scp="", text="", spk2gender="")
    libri = write(tmp_path / "libri/1/2", **{"1-2.trans.txt": ""})
    (tmp_path / "train.jsonl").touch()
    assert listing_files(tmp_path / "train.jsonl") == [tmp_path / "train.jsonl"]
    assert listing_files(kaldi) == [kaldi / "wav.scp", kaldi / "text"]
    assert listing_files(tmp_path / "libri") == [libri / "1-2.trans.txt"]


def test_bad_channel_takes_its_utterance_along(tmp_path):
    """Its recording would otherwise be the mean of both speakers."""
    path = write(tmp_path, wav_scp="a a.wav\nb b.wav\n", reco2file_and_channel="a a A\nb b C\n", text="a One\nb Two\n")
    rows, problems = read_manifest(path)
    assert [(row.id, row.channel) for row in rows] == [("a", 0)]
    assert [place for place, _ in placed(problems)] == ["reco2file_and_channel:2"]
    (path / "reco2file_and_channel").write_bytes(b"a a A\n\xff b B\n")
    rows, problems = read_manifest(path)
    assert [row.id for row in rows] == ["a"]
    assert ("wav.scp:2", "its recording b has no channel, since reco2file_and_channel has a bad line") in placed(
        problems
    )


def test_packed_transcripts_are_pointed_out(tmp_path):
    path = write(tmp_path, **{"wav_scp": "a a.wav\n", "text.gz": "packed"})
    with pytest.raises(DataError, match=r"text: does not exist\n    Unpack text\.gz: gunzip -k "):
        read_manifest(path)


def test_large_folder_without_transcripts_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(directories, "MOST_FILES", 3)
    write(tmp_path / "a", **{f"{number}.txt": "" for number in range(4)})
    with pytest.raises(DataError, match=r"neither the directory nor the first 3 files below it hold a manifest"):
        read_manifest(tmp_path)
    write(tmp_path, **{"s-1.trans.txt": "s-1-0 One\n"})
    assert len(read_manifest(tmp_path)[0]) == 1


def test_root_is_no_corpus():
    with pytest.raises(DataError, match=r"/: the root of the file system is no corpus\n    Name a manifest, or"):
        read_manifest(Path("/"))


def test_reports_are_not_offered_as_manifests(tmp_path):
    write(tmp_path, **{"report.json": '{"format": 1}', "sb.json": '{"u": {"wav": "u.wav", "words": "x"}}'})
    with pytest.raises(DataError, match=r"or metadata\.csv (.|\n)*Name one of its files: sb\.json\."):
        read_manifest(tmp_path)
