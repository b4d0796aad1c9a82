"""Memory of large corpora: a hundred hours of features never lie in it.

The corpora have many rows, which point at few recordings.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

RATE = 8000
FEATURE_BYTES_AN_HOUR = 3600 * 100 * 40 * 4
PROGRAM = Path(__file__).parents[1] / "programs" / "limited_train.py"
HOURS = 2
SMALL = 70_000_000
"""Bytes that a training may take beyond a tiny one; two hours of features have 115 MB."""
LARGE = 500_000_000
"""Bytes for corpora whose rows alone take more than `SMALL`."""
FEW = 60
"""Rows of the tiny training."""


def corpus(folder: Path, hours: float) -> None:
    """Write rows of five seconds, parts of four long recordings."""
    noise = np.random.default_rng(0)
    for name in range(4):
        soundfile.write(folder / f"{name}.wav", noise.normal(0, 0.1, 300 * RATE), RATE)
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghij", k=5)) for _ in range(1000)]
    with (folder / "all.jsonl").open("w") as every, (folder / "few.jsonl").open("w") as few:
        for i in range(round(hours * 720)):
            part = {"offset": round(draw.uniform(0, 290), 3), "duration": round(draw.uniform(3, 7), 3)}
            row = {"id": f"u{i}", "audio_filepath": f"{i % 4}.wav", "text": " ".join(draw.choices(words, k=5)), **part}
            for file in (every, few) if i < FEW else (every,):
                file.write(json.dumps(row) + "\n")


def train(folder: Path, limit: int, *, val_share: float, max_cache_gb: float) -> subprocess.CompletedProcess:
    """Train a batch within `limit` bytes beyond the tiny training."""
    for name, share in (("few", 0.1), ("all", val_share)):
        data = {"target": "manifest", "train": f"{name}.jsonl", "val": {"hold_out": share, "by": "random"}}
        config = {
            "data": {**data, "batch_size": 64, "max_frames_in_batch": 20_000},
            "features": {"max_cache_gb": max_cache_gb},
            "model": {"dim": 16, "num_layers": 1},
            "trainer": {"max_epochs": 1},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    return subprocess.run(
        [sys.executable, PROGRAM, str(limit), "few.yaml", "all.yaml"],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def stores(folder: Path) -> list[int]:
    """Return the bytes of the stores of features, largest first."""
    return sorted((path.stat().st_size for path in folder.glob("tune_asr-*/features/*/frames.f32")), reverse=True)


@pytest.mark.parametrize(
    "max_cache_gb", [8.0, pytest.param(0.0, marks=pytest.mark.slow)], ids=["kept on disk", "computed anew"]
)
def test_two_hours_fit_a_small_limit(tmp_path, max_cache_gb):
    corpus(tmp_path, HOURS)
    ended = train(tmp_path, SMALL, val_share=0.05, max_cache_gb=max_cache_gb)
    assert ended.returncode == 0, ended.stderr
    assert f"of {HOURS * 720:,} utterances of data.train are held out" in ended.stderr
    found = stores(tmp_path)
    if max_cache_gb:
        assert found[0] == pytest.approx(HOURS * FEATURE_BYTES_AN_HOUR, rel=0.1)
        assert found[0] > 1.5 * SMALL
    else:
        assert not found


def test_features_in_memory_break_the_limit(tmp_path):
    """Control: without a store, the same limit is too small."""
    corpus(tmp_path, HOURS)
    (tmp_path / f"tune_asr-{os.getuid()}").write_text("")  # in the place of the folder
    ended = train(tmp_path, SMALL, val_share=0.05, max_cache_gb=8.0)
    assert ended.returncode == 1
    assert "each process keeps its own in memory" in ended.stderr
    assert "llocate memory" in ended.stderr or "MemoryError" in ended.stderr


@pytest.mark.slow
def test_hundred_hours_fit_a_limit(tmp_path):
    hours = 100
    assert hours * FEATURE_BYTES_AN_HOUR > 11 * LARGE
    corpus(tmp_path, hours)
    ended = train(tmp_path, LARGE, val_share=0.001, max_cache_gb=1.0)
    assert ended.returncode == 0, ended.stderr
    assert "of 72,000 utterances of data.train are held out" in ended.stderr


@pytest.mark.slow
def test_store_larger_than_the_limit_is_built(tmp_path):
    corpus(tmp_path, 25)
    ended = train(tmp_path, LARGE, val_share=0.001, max_cache_gb=8.0)
    assert ended.returncode == 0, ended.stderr
    assert stores(tmp_path)[0] > 2.5 * LARGE
