"""Version of the package, installed or not."""

import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path

import pytest

from tune_asr import __version__
from tune_asr.search.description import versions

ROOT = Path(__file__).parents[2]


def tune_asr(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "tune_asr", *arguments], capture_output=True, text=True, cwd=ROOT)


def test_version_flag_prints_version():
    assert tune_asr("--version").stdout == f"tune_asr {__version__}\n"


def test_build_reads_version_from_package():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert pyproject["project"]["dynamic"] == ["version"]
    attribute = pyproject["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    module, _, name = attribute.rpartition(".")
    assert getattr(importlib.import_module(module), name) == __version__


def test_version_known_without_installation(monkeypatch: pytest.MonkeyPatch):
    find = Distribution.from_name

    def without_tune_asr(name: str) -> Distribution:
        if name == "tune_asr":
            raise PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(Distribution, "from_name", without_tune_asr)
    assert versions()["tune_asr"] == __version__


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["serve"], 2)])
def test_usage_names_every_door(arguments, code):
    run = tune_asr(*arguments)
    assert run.returncode == code
    assert "{search,train,report,export,evaluate}" in (run.stderr if code else run.stdout)
