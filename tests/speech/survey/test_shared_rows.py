"""Rows in both splits: by recording, by content and by id."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tune_asr.speech.survey.manifests import survey_manifests
from tune_asr.speech.survey.shared_rows import SharedRow
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.text.normalizer import TextNormalizer

RATE = 8000


def row(audio: str, text: str = "one", **fields: object) -> str:
    return json.dumps({"audio_filepath": audio, "text": text, **fields})


@pytest.fixture
def survey(tmp_path):
    for number, name in enumerate("abcd"):
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(number).normal(0, 0.1, 2 * RATE), RATE)
    shutil.copy(tmp_path / "a.wav", tmp_path / "copy.wav")

    def survey(train: list[str], val: list[str]) -> Survey:
        for name, rows in (("train", train), ("val", val)):
            (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
        paths = tmp_path / "train.jsonl", tmp_path / "val.jsonl"
        return survey_manifests(
            *paths, normalizer=TextNormalizer(), sample_rate=RATE, max_seconds=None, subsampling=None, decode=False
        )

    return survey


def short(shared: SharedRow) -> tuple[str, str, str, str]:
    return Path(shared.val).name, Path(shared.train).name, shared.likeness.value, shared.name


@pytest.mark.parametrize(
    ("train", "val", "shared"),
    [
        (row("a.wav"), row("a.wav", "two"), ("recording", "a.wav")),
        (row("a.wav"), row("copy.wav", "two"), ("content", "copy.wav")),
        (row("a.wav", offset=0, duration=1), row("copy.wav", offset=0.5, duration=1), ("content", "copy.wav")),
        (row("a.wav", offset=0, duration=1), row("a.wav", offset=1, duration=1), None),
        (row("a.wav", id="u1"), row("b.wav", "two", id="u1"), ("id", "u1")),
        (row("a.wav", id="u1"), row("b.wav", id="u2"), None),
        # Both manifests count their rows.
        (row("a.wav", id=1), row("b.wav", "two", id=1), None),
        (row("a.wav", id=1), row("b.wav", id=1), ("id", "1")),
    ],
)
def test_signs_of_a_shared_row(survey, train, val, shared):
    found = survey([row("c.wav", "x"), train], [row("d.wav", "y"), val]).shared
    assert [short(one) for one in found] == ([("val.jsonl:2", "train.jsonl:2", *shared)] if shared else [])


def test_names_of_files_are_no_ids(survey, tmp_path):
    """Folders of both splits may hold files of the same name."""
    (tmp_path / "val").mkdir()
    shutil.copy(tmp_path / "b.wav", tmp_path / "val" / "a.wav")
    assert survey([row("a.wav")], [row("val/a.wav")]).shared == ()


def test_neighbour_before_long_part(survey):
    """A later part that ends earlier hides no longer one."""
    parts = [row("a.wav", offset=0, duration=2), row("a.wav", offset=0.1, duration=0.2)]
    found = survey(parts, [row("a.wav", offset=1, duration=0.5)]).shared
    assert [short(one)[:2] for one in found] == [("val.jsonl:1", "train.jsonl:1")]


def test_report_lists_20_rows(survey):
    rows = [row("a.wav", offset=0, duration=0.5 + 0.01 * i) for i in range(23)]
    lines = survey([row("a.wav")], rows).render().splitlines()
    assert sum("(same recording 'a.wav')" in line for line in lines) == 20
    assert "    ... and 3 more" in lines
    assert "23 of 23 validation rows (100.0 %) stand in training as well" in " ".join("\n".join(lines).split())
