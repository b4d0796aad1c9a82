"""What every node of a Ray must see, and how many CPUs a local one gets."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile

from tune_asr.config.sections import Config
from tune_asr.corpus.sources import survey
from tune_asr.search.driver import data_files
from tune_asr.search.ray.cluster import usable_cpus

LOOK = """
import json
import sys
from pathlib import Path

import ray

from tune_asr.errors import TuneAsrError
from tune_asr.search.ray.nodes import check_nodes

ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=50)


def ended(*arguments):
    try:
        check_nodes(Path(sys.argv[1]), *arguments)
    except TuneAsrError as error:
        return error.exit_code, str(error)
    return 0, ""


recording, size = sys.argv[2], Path(sys.argv[2]).stat().st_size
print(json.dumps([ended([(recording, size)]), ended([(recording, size + 1)]), ended([("/gone.wav", 1)]), ended([], 0)]))
"""


def test_a_node_without_the_data_or_without_an_answer_is_named_with_its_exit_code(tmp_path):
    marker, recording = tmp_path / "trials.jsonl", tmp_path / "a.wav"
    marker.touch()
    recording.write_bytes(b"12345")
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    look = subprocess.run(
        [sys.executable, "-c", LOOK, marker, recording], env=environment, capture_output=True, text=True, timeout=170
    )
    sound, shorter, gone, silent = json.loads(look.stdout or look.stderr)
    assert sound == [0, ""]
    assert (shorter[0], gone[0], silent[0]) == (3, 3, 6)
    assert f"{recording} has 5 bytes there and 6 here" in shorter[1]
    assert "/gone.wav: No such file" in gone[1]
    assert all(told.startswith("node ") for _, told in (shorter, gone, silent))
    assert "does not say within 0 s" in silent[1]


def test_manifests_and_recordings_of_every_length_are_looked_at(tmp_path):
    for split, seconds in (("train", range(1, 81)), ("val", (90, 100))):
        rows = []
        for length in seconds:
            soundfile.write(tmp_path / f"{length}.wav", [0.1, 0.2] * length * 500, 8000)
            rows.append({"audio_filepath": f"{length}.wav", "text": "a"})
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train, val = str(tmp_path / "train.jsonl"), str(tmp_path / "val.jsonl")
    config = Config(data={"target": "manifest", "train": train, "val": val})
    files = data_files(config, survey(config))
    assert [path for path, _ in files[:2]] == [train, val]
    lengths = [int(Path(path).stem) for path, _ in files[2:]]
    assert lengths[0] == 1
    assert lengths[-1] == 100
    assert max(b - a for a, b in pairwise(lengths)) <= 25
    assert all(Path(path).stat().st_size == size for path, size in files)


def test_noise_and_initial_weights_are_looked_at_on_the_nodes_too(tmp_path):
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


@pytest.mark.parametrize(("quota", "most"), [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1)])
def test_a_containers_quota_bounds_the_cpus_and_leaves_one(tmp_path, quota, most):
    (tmp_path / "cpu.max").write_text(quota)
    none = str(tmp_path / "none")
    cpus = usable_cpus(cpu_quota_file_name=none, cpuset_file_name=none, cpu_max_file_name=str(tmp_path / "cpu.max"))
    assert cpus == (most or len(os.sched_getaffinity(0)))
