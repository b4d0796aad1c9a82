"""A hundred hours of manifest need no hundred hours' worth of memory: many rows, which point at few recordings."""

import json
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

# The limit is one on what a process may allocate, torch and Lightning included (RLIMIT_DATA: files mapped for reading
# are not counted); they take 0.9 GB by themselves.
LIMIT = 1_400_000_000
PROGRAM = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT}, {LIMIT}))
from tune_asr.train import main
sys.exit(main(sys.argv[1:]))
"""


def corpus(folder: Path, hours: float) -> None:
    """Rows of five seconds on average, each a part of one of four recordings of five minutes; and a configuration."""
    noise = np.random.default_rng(0)
    for name in range(4):
        soundfile.write(folder / f"{name}.wav", noise.normal(0, 0.1, 300 * RATE), RATE)
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghij", k=5)) for _ in range(1000)]
    with (folder / "all.jsonl").open("w") as file:
        for i in range(round(hours * 720)):
            part = {"offset": round(draw.uniform(0, 290), 3), "duration": round(draw.uniform(3, 7), 3)}
            row = {"id": f"u{i}", "audio_filepath": f"{i % 4}.wav", "text": " ".join(draw.choices(words, k=5)), **part}
            file.write(json.dumps(row) + "\n")


def train(folder: Path, *flags: str, val_share: float, max_cache_gb: float) -> subprocess.CompletedProcess:
    data = {"target": "manifest", "train": "all.jsonl", "val": {"hold_out": val_share, "by": "random"}}
    config = {
        "data": {**data, "batch_size": 64, "max_frames_in_batch": 20_000},
        "features": {"max_cache_gb": max_cache_gb},
        "model": {"dim": 16, "num_layers": 1},
        "trainer": {"max_epochs": 1},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "--config", "config.yaml", *flags],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "max_cache_gb", [8.0, pytest.param(0.0, marks=pytest.mark.slow)], ids=["kept on disk", "computed anew"]
)
def test_an_hour_is_looked_through_and_begun_within_a_limit(tmp_path, max_cache_gb):
    hours = 1
    corpus(tmp_path, hours)
    ended = train(tmp_path, "--fast-dev-run", val_share=0.05, max_cache_gb=max_cache_gb)
    assert ended.returncode == 0, ended.stderr
    assert f"of {hours * 720:,} utterances of data.train are held out" in ended.stderr
    stores = list(tmp_path.glob("tune_asr-*/features/*/frames.f32"))
    if max_cache_gb:
        (store,) = stores
        assert store.stat().st_size == pytest.approx(hours * FEATURE_BYTES_AN_HOUR, rel=0.1)
    else:
        assert not stores


@pytest.mark.slow
def test_a_hundred_hours_are_looked_through_and_begun_within_a_limit(tmp_path):
    hours = 100
    assert hours * FEATURE_BYTES_AN_HOUR > 4 * LIMIT
    corpus(tmp_path, hours)
    ended = train(tmp_path, "--fast-dev-run", val_share=0.001, max_cache_gb=1.0)
    assert ended.returncode == 0, ended.stderr
    assert "of 72,000 utterances of data.train are held out" in ended.stderr


@pytest.mark.slow
def test_a_store_that_is_larger_than_the_limit_is_built_within_it(tmp_path):
    corpus(tmp_path, 25)
    assert 25 * FEATURE_BYTES_AN_HOUR > LIMIT
    ended = train(tmp_path, "--fast-dev-run", val_share=0.001, max_cache_gb=8.0)
    assert ended.returncode == 0, ended.stderr
    (store,) = tmp_path.glob("tune_asr-*/features/*/frames.f32")
    assert store.stat().st_size > LIMIT


def test_the_limit_is_one_that_the_features_would_break(tmp_path):
    """The control: what may not be allocated is not."""
    program = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT}, {LIMIT})); bytearray(2 * {LIMIT})"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "MemoryError" in ended.stderr
