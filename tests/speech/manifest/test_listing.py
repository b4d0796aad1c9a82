"""Several manifests, and lhotse's pair."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.speech.manifest.test_lhotse import CALL, MONO, ONE, THREE, TWO, spans
from tune_asr.errors import DataError
from tune_asr.speech.manifest.listing import Pair, files_of, name_of, read_listing
from tune_asr.speech.manifest.rows import read_manifest


def jsonl(path: Path, *lines: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def rows_of(*names: str, **fields: str) -> list[dict[str, str]]:
    return [{"audio_filepath": f"{name}.wav", "text": name, **fields} for name in names]


def test_clashing_ids_get_their_stem(tmp_path):
    a = jsonl(tmp_path / "a.jsonl", *rows_of("x", "y"))
    b = jsonl(tmp_path / "b.jsonl", *rows_of("y", "z"))
    rows, problems = read_listing((a, b))
    assert problems == []
    assert [(row.id, row.text, Path(row.place).name) for row in rows] == [
        ("x", "x", "a.jsonl:1"),
        ("a:y", "y", "a.jsonl:2"),
        ("b:y", "y", "b.jsonl:1"),
        ("z", "z", "b.jsonl:2"),
    ]
    assert {row.id for row in read_listing((b, a))[0]} == {row.id for row in rows}


def test_equal_stems_get_their_folder(tmp_path):
    paths = tuple(jsonl(tmp_path / folder / "train.jsonl", *rows_of("x")) for folder in ("one", "two"))
    assert [row.id for row in read_listing(paths)[0]] == ["one/train:x", "two/train:x"]


def test_new_ids_are_unique(tmp_path):
    a = jsonl(tmp_path / "a.jsonl", *rows_of("x"), *rows_of("y", id="b:x"))
    b = jsonl(tmp_path / "b.jsonl", *rows_of("x"))
    assert [row.id for row in read_listing((a, b))[0]] == ["a:x", "b:x", "b:x#2"]


def test_one_manifest_is_itself(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", *rows_of("x", "y"))
    assert read_listing(path) == read_listing((path,)) == read_manifest(path)


def test_all_unreadable_manifests_are_named(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", *rows_of("x"))
    with pytest.raises(DataError) as error:
        read_listing((path, path, tmp_path / "b.jsonl", tmp_path / "c.txt"))
    assert [(Path(one.place).name, one.what) for one in error.value.problems] == [
        ("a.jsonl", "is listed twice"),
        ("b.jsonl", "the manifest does not exist"),
        ("c.txt", "the manifest does not exist"),
    ]


def test_pair_is_one_manifest(tmp_path):
    supervisions = jsonl(tmp_path / "s/supervisions.jsonl", ONE, TWO, THREE)
    recordings = tmp_path / "recordings.jsonl.gz"
    recordings.write_bytes(gzip.compress(f"{json.dumps(MONO)}\n{json.dumps(CALL)}\n".encode()))
    pair = Pair(recordings, supervisions)
    rows, problems = read_listing(pair)
    assert problems == []
    assert spans(rows) == [
        ("s1", "mono.wav", 0, 2.0, None, "ONE", "a"),
        ("s2", "call.wav", 0.25, 0.5, 0, "TWO", "a"),
        ("s3", "call.wav", 0.5, 1.0, 1, "THREE", "b"),
    ]
    assert (rows[2].place, rows[2].audio) == (f"{supervisions}:3", tmp_path / "call.wav")
    assert files_of((pair, tmp_path / "a.jsonl")) == [recordings, supervisions, tmp_path / "a.jsonl"]
    assert name_of((pair, tmp_path / "a.jsonl")) == f"{supervisions} and 1 more"


def test_mistakes_of_a_pair(tmp_path):
    recordings = jsonl(tmp_path / "r.jsonl", MONO, MONO, {"id": "x"}, CALL | {"sources": [{"type": "url"}]})
    supervisions = jsonl(tmp_path / "s.jsonl", ONE, ONE | {"recording_id": "none"}, TWO, {})
    rows, problems = read_listing(Pair(recordings, supervisions))
    assert [row.id for row in rows] == ["s1"]
    assert [(Path(problem.place).name, problem.what.partition(",")[0]) for problem in problems] == [
        ("r.jsonl:2", "recording 'mono' is repeated"),
        ("r.jsonl:3", "not a recording of lhotse"),
        ("s.jsonl:2", "its recording 'none' is not in r.jsonl"),
        ("s.jsonl:3", "recording 'call' comes from a source of type 'url'"),
        ("s.jsonl:4", "its recording None is not in r.jsonl"),
    ]


def test_missing_half_is_named(tmp_path):
    with pytest.raises(DataError, match=r"s\.jsonl: the manifest does not exist"):
        read_listing(Pair(jsonl(tmp_path / "r.jsonl", MONO), tmp_path / "s.jsonl"))


def test_equal_stems_in_one_folder_get_their_ending(tmp_path):
    a = jsonl(tmp_path / "a.jsonl", *rows_of("x"))
    (tmp_path / "a.csv").write_text("path,text\nx.wav,x\n")
    assert [row.id for row in read_listing((a, tmp_path / "a.csv"))[0]] == ["a.jsonl:x", "a.csv:x"]
