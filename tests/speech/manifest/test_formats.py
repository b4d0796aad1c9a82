"""Manifests as other tools write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tune_asr.errors import DataError
from tune_asr.speech.manifest.rows import read_manifest

TEXTS = ["the red door is open", "please wait in the hall"]


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, newline="")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as error:
        read_manifest(path)
    return str(error.value).replace(f"{path.parent}/", "")


MANIFESTS = {
    "train_manifest.json": """\
{"audio_filepath": "0.wav", "duration": 1.0, "text": "the red door is open"}
{"audio_filepath": "1.wav", "duration": 1.0, "text": "please wait in the hall", "lang": "en"}
""",
    "data.list": """\
{"key": "u0", "wav": "0.wav", "txt": "the red door is open"}
{"key": "u1", "wav": "1.wav", "txt": "please wait in the hall"}
""",
    "deepspeech.csv": """\
wav_filename,wav_filesize,transcript
0.wav,32044,the red door is open
1.wav,32044,please wait in the hall
""",
    "speechbrain.csv": """\
ID,duration,wav,spk_id,wrd
u0,1.0,0.wav,s0,the red door is open
u1,1.0,1.wav,s1,please wait in the hall
""",
    "blanks.csv": """\
ID, duration, wav, spk_id, wrd
u0, 1.0, 0.wav, s0, "the red door is open"
u1, 1.0, 1.wav, s1, please wait in the hall
""",
    "speechbrain.json": json.dumps(
        {f"u{i}": {"wav": f"{i}.wav", "length": 1.0, "words": text} for i, text in enumerate(TEXTS)}, indent=2
    ),
    "one_line.json": json.dumps({f"u{i}": {"wav": f"{i}.wav", "words": text} for i, text in enumerate(TEXTS)}),
    "folder/metadata.csv": """\
file_name,transcription
../0.wav,the red door is open
../1.wav,please wait in the hall
""",
    "other/metadata.jsonl": """\
{"file_name": "../0.wav", "text": "the red door is open"}
{"file_name": "../1.wav", "text": "please wait in the hall"}
""",
}


@pytest.mark.parametrize("name", MANIFESTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_toolkit_is_read(tmp_path, name, end):
    path = written(tmp_path / name, "\ufeff" * (end == "\r\n") + MANIFESTS[name].replace("\n", end))
    rows, problems = read_manifest(path.parent if "metadata" in name else path)
    assert problems == []
    assert [row.text for row in rows] == TEXTS
    assert [row.audio.resolve() for row in rows] == [tmp_path / "0.wav", tmp_path / "1.wav"]


def test_ids_of_speechbrain_are_kept(tmp_path):
    rows, _ = read_manifest(written(tmp_path / "a.json", MANIFESTS["speechbrain.json"]))
    assert [(row.id, row.place) for row in rows] == [("u0", f"{tmp_path}/a.json:2"), ("u1", f"{tmp_path}/a.json:7")]


def test_nemo_offset_is_a_part(tmp_path):
    row = {"audio_filepath": "call.wav", "offset": 3.5, "duration": 1.25, "text": "yes", "channel": 1}
    [read], _ = read_manifest(written(tmp_path / "a.json", json.dumps(row)))
    assert (read.offset, read.duration, read.channel) == (3.5, 1.25, 1)


@pytest.mark.parametrize("folder", ["wavs/", ""])
def test_ljspeech_has_no_header(tmp_path, folder):
    path = written(
        tmp_path / "metadata.csv",
        'LJ001-0001|Page 1, "in the only sense|page one, "in the only sense\nLJ001-0002|in being|\n',
    )
    for number in (1, 2):
        written(tmp_path / f"{folder}LJ001-000{number}.wav", "")
    for manifest in (path, tmp_path):
        rows, problems = read_manifest(manifest)
        assert problems == []
        assert [(row.id, row.audio_as_written, row.text) for row in rows] == [
            ("LJ001-0001", f"{folder}LJ001-0001.wav", 'page one, "in the only sense'),
            ("LJ001-0002", f"{folder}LJ001-0002.wav", "in being"),
        ]


def test_ljspeech_rows_of_other_lengths(tmp_path):
    path = written(tmp_path / "metadata.csv", "a|One\nb\nc|1|one|I\n")
    rows, problems = read_manifest(path)
    assert [row.audio_as_written for row in rows] == ["wavs/a.wav"]
    assert [(problem.place[-2:], problem.what[:21]) for problem in problems] == [
        (":2", "the row has 1 cell, b"),
        (":3", "the row has 4 cells, "),
    ]


def test_words_are_a_number_beside_a_text(tmp_path):
    """Names of other toolkits are read if nothing else stands for the field."""
    row = {"audio_filepath": "a.wav", "text": "One two", "words": 2, "wav_filename": "b.wav"}
    [read], problems = read_manifest(written(tmp_path / "a.jsonl", json.dumps(row)))
    assert (read.text, read.audio_as_written, problems) == ("One two", "a.wav", [])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "array.jsonl",
            json.dumps([{"audio_filepath": "a.wav", "text": "x"}], indent=2),
            "array.jsonl:1: the file is a JSON array, and a manifest has one object a line\n"
            "    Write one object a line, for example with jq -c '.[]' OLD > NEW.jsonl.",
        ),
        (
            "a.csv",
            "0.ogg,the red door is open\n1.ogg,please wait\n",
            "a.csv:1: the first row must name the columns, but it holds a recording, '0.ogg'\n"
            "    Write the names above it, for example audio_filepath,text.",
        ),
        (
            "a.tsv",
            "0.ogg\tthe red door is open\n",
            "a.tsv:1: the first row must name the columns, but it holds a recording, '0.ogg'\n"
            "    Write the names above it, for example audio_filepath<TAB>text.",
        ),
        (
            "data.list",
            "/data/shards/shards_000000.tar\n/data/shards/shards_000001.tar\n",
            "data.list:1: '/data/shards/shards_000000.tar' is a shard of WeNet, which is not opened\n"
            "    Give the data.list of data_type raw, which names recordings.",
        ),
        (
            "pretty.jsonl",
            json.dumps({"audio_filepath": "a.wav", "text": "x"}, indent=2),
            "pretty.jsonl:2: the object reaches over several lines, and a manifest has one object a line\n"
            "    Write one utterance a line: jq -c . OLD > NEW.jsonl, or an object of utterances by their ids.",
        ),
        (
            "files.list",
            "/data/a 1.wav\n/data/b.wav\n",
            "files.list:1: the file is a list of recordings without transcripts, and a manifest needs both\n"
            "    Write one object a line: ",
        ),
        ("a.json", '{"u0": {"wav": "a.wav", "words": "x"},\n', "a.json:1: not JSON: Expecting value"),
        (
            "a.json",
            '{\n"u0": {"wav": "a.wav", "words": "x"}\n"u1": {}}',
            "a.json:3: not JSON: the object of utterances",
        ),
        ("a.json", '{\n"u0": {"wav": "a.wav", "words": "x"}}\n{}', "a.json:3: more follows the object of utterances"),
    ],
)
def test_whole_file_is_refused(tmp_path, name, content, message):
    assert refusal(written(tmp_path / name, content)).startswith(message)


def test_repeated_key_is_a_mistake(tmp_path):
    lines = [
        '{"audio_filepath": "a.wav", "text": "One", "text": "Two"}',
        '{"audio_filepath": "a.wav", "text": "One", "text": "One"}',
    ]
    path = written(tmp_path / "a.jsonl", "\n".join(lines))
    [row], [problem] = read_manifest(path)
    assert row.text == "One"
    assert (problem.place, problem.what) == (
        f"{path}:1",
        "\"text\" is given twice, as 'One' and 'Two'",
    )
    assert [row.text for row in read_manifest(path, rules=1)[0]] == ["Two", "One"]


def test_repeated_utterances_of_an_object(tmp_path):
    content = '{\n"u0": {"wav": "a.wav", "words": "x"},\n"u1": {"wav": 1, "wav": 2},\n"u0": {"wav": "b.wav"}\n}'
    path = written(tmp_path / "a.json", content)
    [row], problems = read_manifest(path)
    assert row.id == "u0"
    assert [(problem.place[-2:], problem.what) for problem in problems] == [
        (":3", '"wav" is given twice, as 1 and 2'),
        (":4", "'u0' is repeated, first in line 2"),
    ]


@pytest.mark.parametrize(
    ("value", "channel"), [("1", 1), ('"0"', 0), ("2.0", 2), ("null", None), ('""', None), ('" 1"', 1)]
)
def test_channel_is_counted_from_0(tmp_path, value, channel):
    path = written(tmp_path / "a.jsonl", f'{{"audio_filepath": "a.wav", "text": "x", "channel": {value}}}')
    [row], _ = read_manifest(path)
    assert row.channel == channel
    [row], _ = read_manifest(path, rules=1)
    assert row.channel is None


@pytest.mark.parametrize("value", ["-1", "1.5", "true", '"left"', "[0, 1]", "NaN", "1e400"])
def test_other_channels_are_mistakes(tmp_path, value):
    path = written(tmp_path / "a.jsonl", f'{{"audio_filepath": "a.wav", "text": "x", "channel": {value}}}')
    rows, [problem] = read_manifest(path)
    assert not rows
    assert "but must be the number of a channel, counted from 0; rename the key" in problem.what
    assert len(read_manifest(path, rules=1)[0]) == 1
