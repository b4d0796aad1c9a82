"""Environment variables set for the installed Ray and Tune."""

import re
from pathlib import Path

import ray

import tune_asr
from tune_asr.search.ray.cluster import ENVIRONMENT
from tune_asr.search.ray.fast_start.environment import local_environment
from tune_asr.search.ray.job import WORKER_ENVIRONMENT

SOURCES = Path(tune_asr.__file__).parent / "search" / "ray"
NAME = re.compile(r'"((?:RAY|TUNE|PL)_\w+)"')


def test_ray_still_has_each_variable():
    """C++ settings (`RAY_lower_case`) stand without their prefix in the binaries."""
    names = {name for path in SOURCES.rglob("*.py") for name in NAME.findall(path.read_text())}
    names = {name for name in names if not name.startswith("TUNE_ASR_")}
    ours = (ENVIRONMENT | WORKER_ENVIRONMENT | local_environment({})).keys()
    assert {name for name in ours if name != "PYTHONPATH" and not name.startswith("TUNE_ASR_")} <= names
    root = Path(ray.__file__).parent
    files = [*root.rglob("*.py"), *root.glob("_raylet*.so"), root / "core" / "src" / "ray" / "raylet" / "raylet"]
    wanted = {name: (name if name.isupper() else name.removeprefix("RAY_")).encode() for name in names}
    for path in files:
        content = path.read_bytes()
        wanted = {name: text for name, text in wanted.items() if text not in content}
    assert not wanted
