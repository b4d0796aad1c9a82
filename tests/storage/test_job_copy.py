"""Paths in the copy of a working directory that Ray makes for a job."""

from pathlib import Path

import pytest

from tune_asr.errors import ConfigError
from tune_asr.evaluate import __main__ as evaluate
from tune_asr.export import __main__ as export
from tune_asr.report import __main__ as report
from tune_asr.storage.job_copy import job_copy, require_outside

COPY = "ray/session_1/runtime_resources/working_dir_files/_ray_pkg_0123"


@pytest.mark.parametrize("place", [f"/tmp/{COPY}", f"/tmp/{COPY}/configs"])
def test_copy_is_recognised(place):
    assert job_copy(Path(place)) == Path("/tmp", COPY)


@pytest.mark.parametrize("place", ["/", "/home/user", f"/tmp/{Path(COPY).parent}", "/working_dir_files/a"])
def test_other_folders_are_no_copy(place):
    assert job_copy(Path(place)) is None


def test_paths_in_copy_are_refused(tmp_path, monkeypatch):
    """All at once, relative ones too, with one hint."""
    (tmp_path / COPY).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / COPY)
    require_outside([("--results", tmp_path / "results")], "Go elsewhere.")
    given = [("data.train", Path("train.jsonl")), ("data.val", tmp_path), ("--results", Path.cwd() / "results")]
    with pytest.raises(ConfigError) as caught:
        require_outside(given, "Go elsewhere.")
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["data.train", "--results"]
    assert "train.jsonl lies in Ray's copy of the working directory, which Ray removes after the job" in lines[0]
    assert lines[2:] == ["    Go elsewhere."]


@pytest.mark.parametrize(
    ("door", "flag", "arguments"),
    [
        (evaluate, "--output", [".", "val.jsonl", "--output", "out.jsonl"]),
        (export, "--output", [".", "--output", "bundle"]),
        (export, "--output", ["."]),
        (report, "--html", [".", "--html", "page.html"]),
    ],
)
def test_outputs_in_copy_are_refused(tmp_path, monkeypatch, capsys, door, flag, arguments):
    (tmp_path / COPY).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / COPY)
    Path("val.jsonl").touch()
    assert door.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {flag}: ")
    assert "lies in Ray's copy of the working directory, which Ray removes after the job\n    Give" in error
    assert [path.name for path in Path.cwd().iterdir()] == ["val.jsonl"]


def test_nothing_is_refused_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_outside([("--results", Path("results"))], "")
