"""Recordings that are not there, and the files meant by their names."""

from __future__ import annotations

import unicodedata

import pytest

from tune_asr.speech.manifest.missing import why_missing


@pytest.mark.parametrize(
    ("written", "there", "difference"),
    [
        ("wavs/caf\u00e9.wav", unicodedata.normalize("NFD", "wavs/caf\u00e9.wav"), "its Unicode form"),
        (unicodedata.normalize("NFD", "wavs/caf\u00e9.wav"), "wavs/caf\u00e9.wav", "its Unicode form"),
        ("wavs/A.WAV", "wavs/a.wav", "letter case"),
        ("Wavs/A.wav", "wavs/a.wav", "letter case"),
        ("wavs\\a.wav", "wavs/a.wav", "slashes"),
        (".\\Wavs\\a.wav", "wavs/a.wav", "slashes and letter case"),
        ("wavs/a.wav", "wavs/a.flac", "its ending"),
        ("wavs/a", "wavs/a.flac", "its ending"),
        ("wavs/a.wav ", "wavs/a.wav", "blanks"),
        (" wavs/a.wav", "wavs/a.wav", "blanks"),
        ("wavs/a  1.wav", "wavs/a 1.wav", "blanks"),
        ("Wavs/a.wav", "wavs/a.flac", "letter case and its ending"),
    ],
)
def test_nearest_file_is_named(tmp_path, written, there, difference):
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).touch()
    (tmp_path / there).with_name("b.wav").touch()
    assert why_missing(written, tmp_path / written) == f"the file there differs in {difference}: {tmp_path / there}"


@pytest.mark.parametrize(
    "written", ["wavs/c.wav", "wavs/a.txt", "other/a.wav", "wavs/a.wav/b.wav", "wavs/" + "x" * 300]
)
def test_other_files_are_not_near(tmp_path, written):
    (tmp_path / "wavs").mkdir()
    for name in ("a.wav.txt", "b.wav"):
        (tmp_path / "wavs" / name).touch()
    assert why_missing(written, tmp_path / written) == ""


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("sox a.sph -t wav - |", "it is a command, which is never run; write its output to a file and name that"),
        (
            "$data_root/a.wav",
            "$data_root is a placeholder; replace it by the folder that data_root stands for, with sed",
        ),
        ("{data_root}/a.wav", "{data_root} is a placeholder; replace it by the folder that data_root stands for"),
        ("${data_root}/a.wav", "${data_root} is a placeholder; replace it by the folder that data_root stands for"),
        ("https://host/a.wav", "nothing is fetched; download it and name the file"),
        ("s3://bucket/a.wav", "nothing is fetched; download it and name the file"),
        ("data.ark:15", "it is a place in an archive of Kaldi, which is not opened; write its recordings to files"),
        ("C:\\data\\a.wav", "it is a path of Windows; name the file relative to the manifest"),
    ],
)
def test_other_names_are_explained(tmp_path, written, what):
    assert why_missing(written, tmp_path / written).startswith(what)
