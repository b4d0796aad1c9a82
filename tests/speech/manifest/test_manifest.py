from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.rows import read_manifest

GOOD = '{"audio_filepath": "a.wav", "text": "One."}'


def jsonl(folder: Path, *lines: str | bytes) -> Path:
    path = folder / "train.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return path


def table(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, newline="")
    return folder / name


def refusal(path: Path) -> Problem:
    with pytest.raises(DataError) as error:
        read_manifest(path)
    [problem] = error.value.problems
    return problem


def test_row_has_place_and_path(tmp_path):
    path = jsonl(tmp_path, "", '{"audio_filepath": "wav/a.b.wav", "text": " One. ", "duration": 2, "speaker": "x"}')
    [row], problems = read_manifest(path)
    assert not problems
    assert (row.place, row.id, row.text, row.duration) == (f"{path}:2", "wav/a.b", " One. ", 2)
    assert (row.audio, row.audio_as_written) == (tmp_path / "wav/a.b.wav", "wav/a.b.wav")


def test_paths_begin_at_manifest_folder(tmp_path, monkeypatch):
    jsonl(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path.parent)
    [row], _ = read_manifest(Path(tmp_path.name) / "train.jsonl")
    assert row.audio == tmp_path / "a.wav"
    assert row.place == f"{tmp_path.name}/train.jsonl:1"


def test_absolute_path_is_kept(tmp_path):
    [row], _ = read_manifest(jsonl(tmp_path, '{"audio_filepath": "/data/a.wav", "text": "x"}'))
    assert row.audio == Path("/data/a.wav")


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    [row, other], _ = read_manifest(
        jsonl(tmp_path, '{"audio_filepath": "~/a.wav", "text": "x"}', '{"audio_filepath": "~a.wav", "text": "x"}')
    )
    assert (row.audio, other.audio) == (Path("/home/ann/a.wav"), tmp_path / "~a.wav")


def test_ids_are_unique(tmp_path):
    rows, _ = read_manifest(
        jsonl(
            tmp_path,
            GOOD,
            GOOD,
            '{"audio_filepath": "b.wav", "text": "x", "id": "a#2"}',
            '{"audio_filepath": "b.wav", "text": "x", "id": 0}',
            '{"audio_filepath": "b.wav", "text": "x", "id": null}',
        )
    )
    assert [row.id for row in rows] == ["a", "a#2", "a#2#2", "0", "b"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes, column 2"),
        ("[" * 100_000, "unreadable JSON: brackets are nested too deep"),
        ("7" * 5000, "unreadable JSON: a number has too many digits"),
        ('{"text": "x",}', "not JSON: a comma stands before }, column 14"),
        ("{'text': 1}", "not JSON: text stands in single quotation marks, but must have double ones, column 2"),
        (r'{"audio_filepath": "a.wav", "text": "a \ud83d b"}', '"text" has half a character \\(a lone surrogate\\): '),
        ("[1, 2]", r"not an object with the keys audio_filepath, text: \[1, 2\]"),
        ('{"audio_filepaht": "a.wav", "text": "x"}', r'"audio_filepath" is missing \(is it "audio_filepaht"\?\)'),
        ('{"sound": "a.wav", "text": "x"}', r'"audio_filepath" is missing \(there are: sound, text\)'),
        ("{}", r'"audio_filepath" is missing \(there is none\)'),
        ('{"path": "", "text": "x"}', '"path" is empty'),
        ('{"path": "a.wav", "wav": "b.wav", "text": "x"}', '"path" and "wav" name the same field; keep one'),
        (
            '{"audio_filepath": "a.wav", "text": "x", "offset": -0.5}',
            '"offset" is -0.5, but must be a number of seconds, 0 or more',
        ),
        (
            '{"audio_filepath": "a.wav", "text": "x", "start": "0"}',
            "\"start\" is '0', but must be a number of seconds, 0 or more",
        ),
        (
            '{"audio_filepath": "a.wav", "text": "x", "speaker": [1]}',
            r'"speaker" is \[1\], but must be text or an integer',
        ),
        ('{"audio_filepath": "a.wav", "text": "go\\u0007od"}', r'"text" has the control character U\+0007 in place 3'),
        ('{"audio_filepath": "a.wav", "texts": "x"}', r'"text" is missing \(is it "texts"\?\)'),
        ('{"audio_filepath": 7, "text": "x"}', '"audio_filepath" is 7, but must be text'),
        ('{"audio_filepath": "a.wav", "text": null}', '"text" is null, but must be text'),
        ('{"audio_filepath": "", "text": "x"}', '"audio_filepath" is empty'),
        ('{"audio_filepath": "a.wav", "text": " \\t"}', '"text" is empty'),
        ('{"audio_filepath": "a.wav", "text": "x", "duration": -1}', '"duration" is -1, but must be a positive number'),
        ('{"audio_filepath": "a.wav", "text": "x", "duration": 0}', '"duration" is 0, but must be a positive number'),
        (
            '{"audio_filepath": "a.wav", "text": "x", "duration": NaN}',
            '"duration" is NaN, but must be a positive number',
        ),
        (
            '{"audio_filepath": "a.wav", "text": "x", "duration": Infinity}',
            '"duration" is Infinity, but must be a positive number',
        ),
        (
            '{"audio_filepath": "a.wav", "text": "x", "duration": "1"}',
            "\"duration\" is '1', but must be a positive number",
        ),
        (
            '{"audio_filepath": "a.wav", "text": "x", "duration": true}',
            '"duration" is true, but must be a positive number',
        ),
        (f'{{"audio_filepath": "a.wav", "text": "x", "duration": 1{"0" * 400}}}', '"duration" is 1000+'),
        (
            '{"audio_filepath": "a.wav", "text": "x", "duration": 1e308}',
            r'"duration" is 1e\+308, but must be in seconds',
        ),
        (
            '{"audio_filepath": "a.wav", "text": "x", "offset": 1000000001}',
            '"offset" is 1000000001, but must be in seconds',
        ),
        ('{"audio_filepath": "a.wav", "text": "x", "id": []}', r'"id" is \[\], but must be text or an integer'),
        (GOOD.encode() + b"\0", "holds a NUL byte"),
        (b'{"audio_filepath": "a.wav", "text": "\xe9"}', "not UTF-8: byte 0xe9, column 38"),
    ],
)
def test_bad_row_does_not_stop_reading(tmp_path, line, what):
    path = jsonl(tmp_path, GOOD, line, GOOD)
    rows, [problem] = read_manifest(path)
    assert [row.place for row in rows] == [f"{path}:1", f"{path}:3"]
    assert problem.place == f"{path}:2"
    with pytest.raises(DataError, match=what):
        raise DataError(problem)


def test_ids_are_valid_utf8(tmp_path):
    lines = [
        '{"audio_filepath": "a.wav", "text": "x", "id": "\\udc80"}',
        '{"audio_filepath": "\\udce9t\\udce9.wav", "text": "x"}',
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    rows, problems = read_manifest(tmp_path / "m.jsonl")
    assert [problem.place for problem in problems] == [f"{tmp_path / 'm.jsonl'}:1"]
    assert "it cannot be written in UTF-8" in problems[0].what
    assert rows[0].id.encode() == b"\\udce9t\\udce9"
    assert rows[0].audio_as_written == "\udce9t\udce9.wav"


def test_all_mistakes_of_a_row(tmp_path):
    _, [problem] = read_manifest(jsonl(tmp_path, '{"audio_filepath": "", "text": "", "duration": -2}'))
    assert problem.what.count(";") == 2


def test_bom_and_blank_lines_are_accepted(tmp_path):
    """Carriage returns too."""
    path = jsonl(tmp_path, b"\xef\xbb\xbf" + GOOD.encode() + b"\r", b"\r", b"  ", GOOD.encode() + b"\r", b"")
    rows, problems = read_manifest(path)
    assert [row.place for row in rows] == [f"{path}:1", f"{path}:4"]
    assert not problems


def test_csv_and_tsv_equal_jsonl(tmp_path):
    rows, _ = read_manifest(
        jsonl(tmp_path, '{"audio_filepath": "a.wav", "text": "Say \\"one, two\\".", "duration": 1.5}', GOOD)
    )
    as_csv = 'id,audio_filepath,text,duration\r\n,a.wav,"Say ""one, two"".",1.5\r\n\r\n,a.wav,One.,\r\n'
    as_tsv = 'audio_filepath\ttext\tduration\na.wav\tSay "one, two".\t1.5\na.wav\tOne.\t\n'
    for path in (table(tmp_path, "a.csv", "\ufeff" + as_csv), table(tmp_path, "a.tsv", as_tsv)):
        read, problems = read_manifest(path)
        assert not problems
        assert [(r.id, r.audio, r.text, r.duration) for r in read] == [
            (r.id, r.audio, r.text, r.duration) for r in rows
        ]


def test_tsv_quotation_marks_are_plain(tmp_path):
    rows, problems = read_manifest(table(tmp_path, "a.tsv", 'audio_filepath\ttext\na.wav\t"One\nb.wav\tTwo"\n'))
    assert not problems
    assert [row.text for row in rows] == ['"One', 'Two"']


def test_bad_table_rows_name_first_line(tmp_path):
    lines = [
        "audio_filepath,text,duration",
        'a.wav,"one',
        'two",1',
        "b.wav",
        "c.wav,x,soon",
        'd.wav,"x" y,1',
        "e.wav,x,1",
        'f.wav,"never closed,1',
        "g.wav,x,1",
    ]
    path = table(tmp_path, "a.csv", "\n".join(lines))
    rows, problems = read_manifest(path)
    assert [row.place for row in rows] == [f"{path}:7", f"{path}:9"]
    assert [(problem.place, problem.what) for problem in problems] == [
        (f"{path}:2", "a cell reaches from here to line 3; a row must be one line"),
        (f"{path}:4", "the row has 1 cell, but the header has 3"),
        (f"{path}:5", "\"duration\" is 'soon', but must be a positive number of seconds"),
        (f"{path}:6", "not a row of a table: ',' expected after '\"'"),
        (
            f"{path}:8",
            "a quotation mark opens here and is never closed, so 1 more line would become part of one cell",
        ),
    ]
    rows, problems = read_manifest(path, rules=1)
    assert [row.place for row in rows] == [f"{path}:2", f"{path}:7"]
    assert [problem.place for problem in problems] == [f"{path}:{line}" for line in (4, 5, 6, 8)]


def test_missing_columns_are_one_mistake(tmp_path):
    problem = refusal(table(tmp_path, "a.tsv", "sound\tsentence\na.wav\tOne\nb.wav\tTwo\n"))
    assert '"audio_filepath" is missing (there are: sound, sentence)' in problem.what


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("a.csv", "File_Name; Transcription \na.wav;x\n", "semicolons, but .csv has commas", "with commas."),
        ("a.csv", '\n"path";"text"\n"a.wav";"x, y"\n', "semicolons, but .csv has commas", "with commas."),
        ("a.csv", "Datei;Text\na.wav;x\n", "semicolons, but .csv has commas", "with commas."),
        ("a.csv", "audio_file|text|name\na.wav|x|y\n", "pipes, but .csv has commas", "with commas."),
        ("a.csv", "path\ttext\tnote, if any\n", "tabs, but .csv has commas", "with commas, or name it .tsv."),
        ("a.tsv", "path,text\na.wav,x\n", "commas, but .tsv has tabs", "with tabs, or name it .csv."),
    ],
)
def test_other_separators_are_one_mistake(tmp_path, name, text, message, hint):
    path = table(tmp_path, name, text)
    problem = refusal(path)
    assert problem.place == f"{path}:{2 if text.startswith(chr(10)) else 1}"
    assert problem.what == f"header: its columns seem to be separated by {message}"
    assert problem.hint == f"Save it {hint}"


def test_missing_column_lists_possible_names(tmp_path):
    problem = refusal(table(tmp_path, "a.csv", "file,transcript_text\na.wav,x\n"))
    assert problem.what == (
        'header: "text" is missing (there are: file, transcript_text); possible names: text, sentence, transcription, '
        "transcript, txt, wrd or words"
    )


def test_columns_of_one_field_conflict(tmp_path):
    problem = refusal(table(tmp_path, "a.csv", "path,Text,transcript\na.wav,a,a\nb.wav,b,b\n"))
    assert problem.place.endswith("a.csv:1")
    assert problem.what == 'header: "Text" and "transcript" name the same field; keep one of them'


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "the manifest does not exist"),
        (lambda path: path.mkdir(), r"the directory holds none of wav\.scp \(Kaldi\), \*\.trans\.txt \(LibriSpeech\)"),
        (lambda path: os.mkfifo(path), "the manifest is a FIFO"),
        (lambda path: path.touch(), "the manifest is empty\n    Write a row for each utterance"),
        (lambda path: path.write_text("\n \n"), "the manifest holds no rows\n    Write a row for each utterance"),
    ],
)
def test_unreadable_manifest_names_absolute_path(tmp_path, make, what):
    make(tmp_path / "train.jsonl")
    with pytest.raises(DataError, match=f"{tmp_path}/train.jsonl: {what}"):
        read_manifest(tmp_path / "train.jsonl")


def test_missing_relative_manifest_names_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"none\.csv: the manifest does not exist\n.*means {tmp_path}/none\.csv"):
        read_manifest(Path("none.csv"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_one_mistake(tmp_path, encoding):
    text = f"{GOOD}\n{GOOD}\n"
    (tmp_path / "train.jsonl").write_bytes(("\ufeff" * (encoding != "utf-16") + text).encode(encoding))
    problem = refusal(tmp_path / "train.jsonl")
    assert (problem.what, problem.hint) == ("the file is UTF-16", "Save it as UTF-8.")


def test_repeated_id_names_first_line(tmp_path):
    row = '{"audio_filepath": "a.wav", "text": "x", "id": "%s"}'
    rows, [problem] = read_manifest(jsonl(tmp_path, row % "one", row % "two", row % "one"))
    assert [made.id for made in rows] == ["one", "two"]
    assert problem.place.endswith(":3")
    assert "\"id\" is 'one', as in line 1; an id names one utterance" in problem.what


@pytest.mark.skipif(os.geteuid() == 0, reason="modes do not bind root")
def test_forbidden_manifest_is_named(tmp_path):
    path = jsonl(tmp_path, GOOD)
    path.chmod(0)
    with pytest.raises(DataError, match="the manifest cannot be read \\(Permission denied\\)"):
        read_manifest(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="modes do not bind root")
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_forbidden_folder_is_named(tmp_path, mode):
    (tmp_path / "kaldi").mkdir(mode=mode)
    with pytest.raises(DataError, match=r"kaldi: the directory cannot be read \(Permission denied\)"):
        read_manifest(tmp_path / "kaldi")


def test_unknown_ending_lists_known_ones(tmp_path):
    (tmp_path / "train.txt").write_text(GOOD)
    with pytest.raises(
        DataError,
        match=r"a manifest ends in \.jsonl, \.json, \.list, \.csv or \.tsv, but this one in '\.txt'\n    Rename it",
    ):
        read_manifest(tmp_path / "train.txt")


@settings(max_examples=100, deadline=None)
@given(content=st.one_of(st.binary(max_size=200), st.text('{}[]",:\n\r\tatx', max_size=80).map(str.encode)))
@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv"])
def test_any_content_gives_rows_or_problems(tmp_path_factory, ending, content):
    path = tmp_path_factory.getbasetemp() / f"any.{ending}"
    path.write_bytes(content)
    try:
        rows, problems = read_manifest(path)
    except DataError:
        return
    assert rows or problems


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])).filter(str.strip), min_size=1))
def test_texts_survive_jsonl_and_csv(tmp_path_factory, texts):
    folder = tmp_path_factory.getbasetemp()
    path = jsonl(folder, *(json.dumps({"audio_filepath": "a.wav", "text": t}, ensure_ascii=False) for t in texts))
    assert [row.text for row in read_manifest(path)[0]] == texts
    with (folder / "any.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("audio_filepath", "text"), *(("a.wav", text) for text in texts)])
    assert [row.text for row in read_manifest(folder / "any.csv")[0]] == texts
