"""Files needed on every node of a Ray."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile

from tune_asr.config.sections import Config
from tune_asr.corpus.sources import survey
from tune_asr.errors import ClusterError, DataError, StorageError
from tune_asr.search.data import data_files
from tune_asr.search.ray.nodes import look_around, view_of

NODE = "node a (10.0.0.1)"


def test_silent_node_is_named():
    with pytest.raises(ClusterError, match=r"^node a .*does not answer within 0.5 s") as caught:
        view_of(NODE, None, 0.5)
    assert caught.value.exit_code == 6


def test_node_without_data_is_named(tmp_path):
    """The message has the file, and its sizes or error."""
    marker, recording = tmp_path / "trials.jsonl", tmp_path / "a.wav"
    marker.touch()
    recording.write_bytes(b"12345")
    look_around(str(marker), [(str(recording), 5)]).check(NODE, tmp_path)
    for path, size, message in (
        (recording, 6, f"{recording} has 5 bytes there and 6 here"),
        ("/gone", 1, "/gone: No such"),
    ):
        with pytest.raises(DataError, match=r"^node a ") as caught:
            look_around(str(marker), [(str(path), size)]).check(NODE, tmp_path)
        assert caught.value.exit_code == 3
        assert message in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"trials.jsonl", "a.wav"}  # the probe is gone


def test_node_without_folder_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"cannot use the results folder .*: No such file") as caught:
        look_around(str(tmp_path / "gone" / "trials.jsonl"), []).check(NODE, tmp_path / "gone")
    assert caught.value.exit_code == 5


def test_data_files_sample_every_length(tmp_path):
    for split, seconds in (("train", range(1, 81)), ("val", (90, 100))):
        rows = []
        for length in seconds:
            soundfile.write(tmp_path / f"{length}.wav", [0.1, 0.2] * length * 500, 8000)
            rows.append({"audio_filepath": f"{length}.wav", "text": "a"})
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train, val = str(tmp_path / "train.jsonl"), str(tmp_path / "val.jsonl")
    config = Config(data={"target": "manifest", "train": [train], "val": val})
    files = data_files(config, survey(config))
    assert [path for path, _ in files[:2]] == [train, val]
    lengths = [int(Path(path).stem) for path, _ in files[2:]]
    assert lengths[0] == 1
    assert lengths[-1] == 100
    assert max(b - a for a, b in pairwise(lengths)) <= 25
    assert all(Path(path).stat().st_size == size for path, size in files)


def test_data_files_include_noise_and_weights(tmp_path):
    (tmp_path / "noise").mkdir()
    for number in range(20):
        soundfile.write(tmp_path / "noise" / f"{number:02d}.wav", [0.1, 0.2] * 1000, 8000)
    (tmp_path / "bundle").mkdir()
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "bundle" / name).write_text(name)
    config = Config(augment={"noise_dir": str(tmp_path / "noise")}, model={"init_from": str(tmp_path / "bundle")})
    names = [Path(path).name for path, _ in data_files(config, None)]
    assert names[:2] == ["model.safetensors", "config.json"]
    assert 2 <= len(names[2:]) <= 8 and set(names[2:]) <= {f"{number:02d}.wav" for number in range(20)}
