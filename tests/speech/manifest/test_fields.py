"""Manifests of other toolkits are read as they are."""

from __future__ import annotations

import json

import pytest

from tune_asr.speech.manifest.fields import ALIASES, under_our_names
from tune_asr.speech.manifest.rows import read_manifest

WANTED = ("clips/a.wav", "One.")


@pytest.mark.parametrize(
    ("toolkit", "record"),
    [
        ("NeMo", {"audio_filepath": "clips/a.wav", "text": "One.", "duration": 1.5, "offset": 0.25}),
        ("older NeMo", {"audio_filename": "clips/a.wav", "text": "One."}),
        ("WeNet", {"key": "u1", "wav": "clips/a.wav", "txt": "One."}),
        ("Hugging Face audiofolder", {"file_name": "clips/a.wav", "transcription": "One."}),
        ("Hugging Face", {"path": "clips/a.wav", "sentence": "One.", "client_id": "x", "locale": "en"}),
        ("lhotse", {"recording": "clips/a.wav", "start": 0.25, "duration": 1.5, "text": "One.", "speaker": "x"}),
        ("a spreadsheet", {"Audio_Filepath": "clips/a.wav", " TEXT ": "One."}),
    ],
)
def test_records_of_all_toolkits(tmp_path, toolkit, record):
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    [row], problems = read_manifest(tmp_path / "a.jsonl")
    assert not problems
    assert (row.audio_as_written, row.text) == WANTED
    assert row.audio == tmp_path / "clips/a.wav"
    assert row.offset == record.get("offset", record.get("start"))
    assert row.duration == record.get("duration")
    assert row.speaker == ("x" if {"client_id", "speaker"} & record.keys() else None)
    assert row.id == record.get("key", "clips/a")


def test_no_name_stands_for_two_fields():
    names = [name for field, aliases in ALIASES.items() for name in (field, *aliases)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)


def test_equal_aliases_do_not_conflict():
    fields, conflicts = under_our_names({"path": "a.wav", "file": "a.wav", "text": "x"})
    assert (fields, conflicts) == ({"audio_filepath": "a.wav", "text": "x"}, [])


def test_cells_of_numbers_are_converted(tmp_path):
    """Empty ones are absent."""
    (tmp_path / "a.csv").write_text("path,text,start,dur\na.wav,x,,\na.wav,y,1e1,0.5\n")
    rows, problems = read_manifest(tmp_path / "a.csv")
    assert not problems
    assert [(row.offset, row.duration) for row in rows] == [(None, None), (10.0, 0.5)]


@pytest.mark.parametrize(
    ("name", "folder", "found"),
    [("a.mp3", "clips", "clips/a.mp3"), ("clips/a.mp3", "clips", "clips/a.mp3"), ("a.mp3", "wavs", "a.mp3")],
)
def test_common_voice_paths_begin_in_clips(tmp_path, name, folder, found):
    (tmp_path / folder).mkdir()
    header = "client_id\tpath\tsentence_id\tsentence\tup_votes\tage"
    (tmp_path / "train.tsv").write_text(f'{header}\nf00\t{name}\t1\t"Oh", she said.\t2\t\n')
    [row], problems = read_manifest(tmp_path / "train.tsv")
    assert not problems
    assert row.audio == tmp_path / found
    assert (row.text, row.speaker, row.audio_as_written) == ('"Oh", she said.', "f00", name)
