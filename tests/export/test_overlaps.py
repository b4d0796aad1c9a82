"""Overlap of test recordings with training and validation."""

import json

import numpy as np
import soundfile

from tune_asr.config.load import from_values
from tune_asr.corpus.sources import read_test_set
from tune_asr.export.test_set import num_seen
from tune_asr.training.shared_speech import load_speech


def test_num_seen_compares_parts_of_recordings(tmp_path):
    """Parts of one file count as separate recordings, under any path."""
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 24_000), 8000)
    (tmp_path / "link.wav").symlink_to("long.wav")
    parts = {
        "train": [("long.wav", 0)],
        "val": [("long.wav", 0.8)],
        "test": [("link.wav", 0), ("long.wav", 1.5), ("long.wav", 1.8), ("long.wav", 2)],
    }
    for split, rows in parts.items():
        lines = [json.dumps({"audio_filepath": f, "text": "ab", "offset": o, "duration": 1}) for f, o in rows]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines))
    data = {"target": "manifest", **{split: str(tmp_path / f"{split}.jsonl") for split in parts}}
    config = from_values({"data": data}, "it")
    assert num_seen(read_test_set(config), load_speech(config).corpus) == 2
