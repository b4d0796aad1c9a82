"""Held-out validation is stable, and never splits a group."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tune_asr.errors import DataError
from tune_asr.speech.survey.hold_out import HoldOut
from tune_asr.speech.survey.manifests import survey_manifests
from tune_asr.speech.text.normalizer import TextNormalizer

SETTINGS = {"normalizer": TextNormalizer(), "sample_rate": 8000, "max_seconds": None, "subsampling": None}


@pytest.fixture
def rows(tmp_path):
    """200 parts of a recording: 20 speakers, 50 texts."""
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 8000 * 20), 8000)
    return [
        {
            "audio_filepath": "a.wav",
            "offset": i * 0.09,
            "duration": 0.5,
            "text": f"{'Text' if i % 2 else 'text,'} {'abcdefghij'[i % 10]} {'klmno'[i % 5]}",
            "speaker": i % 20,
            "id": f"u{i}",
        }
        for i in range(200)
    ]


def survey(folder: Path, rows, share=0.2, by="random", **settings):
    (folder / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return survey_manifests(folder / "all.jsonl", HoldOut(share, by), **(SETTINGS | settings))


def sides(found):
    return {u.id for u in found.corpus.train}, {u.id for u in found.corpus.val}


@pytest.mark.parametrize("by", ["speaker", "text", "random"])
def test_sides_ignore_other_rows(tmp_path, rows, by):
    train, val = sides(survey(tmp_path, rows, by=by))
    assert train and val and len(train) + len(val) == 200
    part = rows[::2]
    random.Random(0).shuffle(part)
    fewer_train, fewer_val = sides(survey(tmp_path, part, by=by))
    assert fewer_train <= train and fewer_val <= val
    assert len(fewer_train) + len(fewer_val) == 100


def test_larger_share_includes_smaller(tmp_path, rows):
    held = [sides(survey(tmp_path, rows, share=share))[1] for share in (0.1, 0.2, 0.5)]
    assert held[0] < held[1] < held[2]
    assert len(held[2]) == pytest.approx(100, abs=25)


def test_groups_are_never_split(tmp_path, rows):
    speakers = {row["id"]: row["speaker"] for row in rows}
    train, val = sides(survey(tmp_path, rows, by="speaker"))
    assert not {speakers[i] for i in train} & {speakers[i] for i in val}
    found = survey(tmp_path, rows, by="text")
    # normalised: "Text a" and "text, a" are one
    assert not {u.text for u in found.corpus.train} & {u.text for u in found.corpus.val}


def test_report_and_fingerprint_of_hold_out(tmp_path, rows):
    found = survey(tmp_path, rows, by="speaker")
    found.check()
    num_val = len(found.corpus.val)
    report = " ".join(found.render().split())
    assert (
        f"validation: {num_val} of 200 utterances of data.train are held out (0.2 by speaker: {num_val // 10} of 20"
        in report
    )
    assert found.corpus.fingerprint == survey(tmp_path, rows, by="speaker").corpus.fingerprint
    assert found.corpus.fingerprint != survey(tmp_path, rows, by="random").corpus.fingerprint


def test_long_utterances_stay_in_validation(tmp_path, rows):
    for row in rows[::2]:
        row["duration"] = 1.0
    train, val = sides(survey(tmp_path, rows, max_seconds=0.7))
    assert train <= {row["id"] for row in rows[1::2]} and not val <= {row["id"] for row in rows[1::2]}
    assert val == sides(survey(tmp_path, rows))[1]


@pytest.mark.parametrize(
    ("share", "what"),
    [
        (1e-6, r"hold_out 1e-06 by random leaves nothing for validation\n.*Raise data.val.hold_out to 0\.\d+ or more"),
        (1 - 1e-9, r"leaves nothing for training\n.*Lower data\.val\.hold_out"),
    ],
)
def test_empty_side_has_a_hint(tmp_path, rows, share, what):
    with pytest.raises(DataError, match=what):
        survey(tmp_path, rows, share=share).check()


def test_named_least_share_is_enough(tmp_path, rows):
    with pytest.raises(DataError) as error:
        survey(tmp_path, rows, share=1e-6).check()
    least = float(str(error.value).rpartition("hold_out to ")[2].split()[0])
    assert survey(tmp_path, rows, share=least).corpus.val


def test_one_speaker_cannot_be_divided(tmp_path, rows):
    for row in rows:
        row["speaker"] = "ada"
    for share in (0.001, 0.999):
        with pytest.raises(DataError, match=r"by speaker leaves nothing for .*: there is but one speaker\n.*another"):
            survey(tmp_path, rows, by="speaker", share=share).check()


def test_rows_without_speaker_are_bad(tmp_path, rows):
    del rows[3]["speaker"]
    rows[5]["speaker"] = ""
    with pytest.raises(DataError) as error:
        survey(tmp_path, rows, by="speaker").check()
    assert [problem.place[-2:] for problem in error.value.problems[:-1]] == [":4", ":6"]
    assert "names no speaker" in str(error.value)
    for row in rows:
        row.pop("speaker", None)
    with pytest.raises(
        DataError,
        match=r"names no speakers, but data\.val\.by is speaker\n.*data\.val\.by: text, which every .* has\.$",
    ):
        survey(tmp_path, rows, by="speaker").check()
