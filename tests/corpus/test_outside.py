"""Files in Ray's copy of a working directory are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from tune_asr.config.load import from_values
from tune_asr.corpus.outside import require_files_outside, require_recordings_outside
from tune_asr.corpus.sources import survey
from tune_asr.errors import ConfigError

COPY = "ray/session_1/runtime_resources/working_dir_files/_ray_pkg_0123"
PAIR = {"recordings": "r.jsonl", "supervisions": "s.jsonl"}


@pytest.mark.parametrize(
    ("train", "val", "refused"),
    [
        ("a.jsonl", "b.jsonl", ["a.jsonl", "b.jsonl"]),
        (["a.jsonl", "/elsewhere/b.jsonl", PAIR], "/elsewhere/v", ["a.jsonl", "r.jsonl", "s.jsonl"]),
        (PAIR, {"hold_out": 0.1, "by": "text"}, ["r.jsonl", "s.jsonl"]),
    ],
)
def test_manifests_of_each_form_are_refused(tmp_path, monkeypatch, train, val, refused):
    (tmp_path / COPY).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / COPY)
    config = from_values({"data": {"target": "manifest", "train": train, "val": val}}, "test")
    with pytest.raises(ConfigError) as caught:
        require_files_outside(config)
    assert [problem.what.split(" lies in ")[0] for problem in caught.value.problems if " lies in " in problem.what] == [
        str(tmp_path / COPY / name) for name in refused
    ]


def test_first_recording_in_copy_is_named(tmp_path, monkeypatch):
    (tmp_path / COPY).mkdir(parents=True)
    rows = []
    for number in range(3):
        path = tmp_path / COPY / f"{number}.wav"
        soundfile.write(path, np.random.default_rng(number).normal(0, 0.1, 8000), 8000)
        rows.append(json.dumps({"audio_filepath": str(path), "text": f"word {number}"}))
    manifest = tmp_path / "all.jsonl"
    manifest.write_text("\n".join(rows))
    data = {"target": "manifest", "train": str(manifest), "val": str(manifest)}
    found = survey(from_values({"data": data, "features": {"sample_rate": 8000}}, "test"))
    monkeypatch.chdir(tmp_path)
    require_recordings_outside(found)
    monkeypatch.chdir(tmp_path / COPY)
    with pytest.raises(ConfigError, match=r"recording: .*/0.wav lies in Ray's copy") as caught:
        require_recordings_outside(found)
    assert len(caught.value.problems) == 1
