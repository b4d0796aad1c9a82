"""Files in Ray's copy of a working directory are refused."""

from __future__ import annotations

import pytest

from tune_asr.config.load import from_values
from tune_asr.corpus.outside import require_files_outside
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
