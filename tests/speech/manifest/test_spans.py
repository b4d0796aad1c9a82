"""Parts of recordings by their end, in all formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.errors import DataError
from tune_asr.speech.manifest.spans import duration_of, span_mistakes
from tune_asr.speech.survey.manifests import survey_manifests
from tune_asr.speech.text.normalizer import TextNormalizer

RATE = 8000
FORMATS = ("jsonl", "csv", "tsv")
WRITTEN = {field: f'"{field}"' for field in ("duration", "offset", "end")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three seconds of distinct samples, and a validation manifest."""
    soundfile.write(tmp_path / "a.wav", np.linspace(-0.5, 0.5, 3 * RATE), RATE)
    soundfile.write(tmp_path / "v.wav", np.random.default_rng(1).normal(0, 0.1, RATE), RATE)
    write(tmp_path / "val.jsonl", {})
    return tmp_path


def write(path: Path, *rows: dict) -> Path:
    """Write rows in the format of the ending."""
    audio = "v.wav" if path.stem == "val" else "a.wav"
    records = [{"audio": audio, "text": "one two", **row} for row in rows]
    with path.open("w", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(record) + "\n" for record in records)
        else:
            table = csv.DictWriter(file, list(dict.fromkeys(key for record in records for key in record)))
            table.writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            table.writeheader()
            table.writerows(records)
    return path


def survey(train: Path):
    return survey_manifests(
        train,
        train.with_name("val.jsonl"),
        normalizer=TextNormalizer(),
        sample_rate=RATE,
        max_seconds=None,
        subsampling=4,
    )


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("start", "end"),
        ("offset", "end"),
        ("Start", "Stop"),
        ("begin", "end"),
    ],
)
def test_part_by_start_and_end(folder, ending, begin, end):
    found = survey(write(folder / f"train.{ending}", {begin: 0.5, end: 1.3}, {begin: 0, end: 2.25}))
    found.check()
    whole, _ = soundfile.read(folder / "a.wav", dtype="float32")
    parts = [utterance.audio.samples()[0] for utterance in found.corpus.train]
    assert [utterance.seconds for utterance in found.corpus.train] == [0.8, 2.25]
    np.testing.assert_array_equal(parts[0], whole[4000:10400])
    np.testing.assert_array_equal(parts[1], whole[:18000])


@pytest.mark.parametrize("ending", FORMATS)
def test_end_and_duration_are_equivalent(folder, ending):
    by_end = survey(write(folder / f"train.{ending}", {"start": 0.5, "end": 1.3}))
    by_duration = survey(write(folder / f"train.{ending}", {"start": 0.5, "duration": 0.8}))
    by_both = survey(write(folder / f"train.{ending}", {"start": 0.5, "end": 1.301, "duration": 0.8}))
    assert by_end.corpus == by_duration.corpus == by_both.corpus


def test_empty_cells_are_ignored(folder):
    rows = [{"start": 0.5, "end": 1.3, "dur": ""}, {"start": 0.5, "end": "", "dur": 1}, {"start": "", "end": ""}]
    found = survey(write(folder / "train.csv", *rows))
    assert [utterance.seconds for utterance in found.corpus.train] == [0.8, 1.0, 3.0]


def test_times_of_day_are_ignored(folder):
    clocks = {"start_time": "2021-03-04 10:31:00", "end_time": "2021-03-04 10:31:02"}
    rows = [clocks, {**clocks, "start": 0.5, "duration": 0.8}, {**clocks, "start": 0.5, "end": 1.5}]
    for ending in FORMATS:
        found = survey(write(folder / f"train.{ending}", *rows))
        found.check()
        assert [utterance.seconds for utterance in found.corpus.train] == [3.0, 0.8, 1.0]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("names", [("start_sec", "end_sec"), ("start_time",), ("ofset", "duraton"), ("segment_start",)])
def test_unread_limits_are_remarked(folder, ending, names):
    found = survey(write(folder / f"train.{ending}", dict.fromkeys(names, 0.5)))
    found.check()
    verb = "are" if len(names) > 1 else "is"
    remark_start = f"every row stands for a whole recording, since {', '.join(sorted(names))} {verb} not read: call the"
    assert [remark for remark in found.remarks if remark.startswith(remark_start)]
    read = survey(write(folder / f"train.{ending}", {**dict.fromkeys(names, 0.5), "offset": 0.5, "dur": 1}))
    others = survey(write(folder / f"train.{ending}", {"gender": 1, "rating": 2.5, "start_time": "10:31"}))
    assert not [remark for remark in (*read.remarks, *others.remarks) if "not read" in remark]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"start": 2.5, "end": 2.5}, r'"end" is 2\.5, but must be above "start", 2\.5$'),
        ({"offset": 2.5, "stop": 1.5}, r'"stop" is 1\.5, but must be above "offset", 2\.5$'),
        ({"start": 0.5, "end": -1.5}, r'"end" is -1\.5, but must be a positive number of seconds$'),
        ({"start": 0.5, "end": "1:30"}, r"""\"end" is '1:30', but must be a positive number of seconds$"""),
        ({"start": 0.5, "end": 2e9}, r'"end" is 2000000000\.0, but must be in seconds, a thousand million at most$'),
        ({"start": 0.5, "end": 3.5}, r"a\.wav lasts 3 s, but its row asks for 0\.5 s to 3\.5 s$"),
        (
            {"start": 0.5, "end": 2.5, "duration": 1.5},
            r'"end" is 2\.5, 2 s after "start", 0\.5, but "duration" is 1\.5; correct them, or keep one$',
        ),
        ({"start": 0.5, "end": 2.5, "dur": 2.002}, r'but "dur" is 2\.002; correct them'),
        ({"end": 2.5, "duration": 1.5}, r'"end" is 2\.5, 2\.5 s after the recording\'s start, but "duration" is 1\.5'),
        ({"start": 0.5, "end_time": 1.5}, r'"end_time" is not read, .* if it is in seconds, call it "end"$'),
        ({"end": 1.5}, r"a\.wav lasts 3 s, but its row says 1\.5 s; give an offset too if it is a part"),
    ],
)
def test_impossible_end_names_its_line(folder, ending, row, message):
    line = 1 if ending == "jsonl" else 2
    with pytest.raises(DataError, match=rf"(?m)train\.{ending}:{line}: .*{message}"):
        survey(write(folder / f"train.{ending}", row)).check()


@given(st.integers(0, 10**8), st.integers(1, 10**6), st.integers(-3, 3))
def test_end_and_duration_tolerate_a_millisecond(start, lasts, off):
    fields = {"offset": start / 1000, "end": (start + lasts) / 1000}
    assert duration_of(fields) == lasts / 1000
    both = {**fields, "duration": (lasts + off) / 1000}
    if lasts + off > 0:
        assert bool(list(span_mistakes(both, WRITTEN))) == (abs(off) > 1)
