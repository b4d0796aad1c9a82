"""Searches submitted as jobs to a real Ray, from a checkout that is not installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ray.job_submission import JobStatus, JobSubmissionClient

from tests.conftest import REPOSITORY, TINY_CONFIG, TINY_SPACE
from tests.search.ray.heads import RAY, running_head
from tune_asr.search.ray.job import environment

FINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED)
VERSION = "0.2.0+of.the.checkout"


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    with running_head(tmp_path_factory.mktemp("head")) as head:
        yield head


@pytest.fixture(scope="module")
def client(head):
    return JobSubmissionClient(head.dashboard)


@pytest.fixture
def checkout(tmp_path):
    """Files of the repository with a version of their own, and what a copy must leave out."""
    root = tmp_path / "checkout"
    shutil.copytree(REPOSITORY / "tune_asr", root / "tune_asr", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".gitignore", ".rayignore"):
        shutil.copy(REPOSITORY / name, root / name)
    package = root / "tune_asr" / "__init__.py"
    lines = [line for line in package.read_text().splitlines() if not line.startswith("__version__")]
    package.write_text("\n".join([*lines, f'__version__ = "{VERSION}"', ""]))
    (root / "config.yaml").write_text(yaml.safe_dump(TINY_CONFIG))
    (root / "space.yaml").write_text(yaml.safe_dump(TINY_SPACE))
    for unwanted in ("results/old", "artifacts/checkpoints", ".pytest_cache", "tune_asr/__pycache__"):
        (root / unwanted).mkdir(parents=True, exist_ok=True)
        (root / unwanted / "large.bin").write_text("not for Ray")
    return root


def submit(client: JobSubmissionClient, checkout: Path, *arguments: str, **options: object) -> str:
    command = "python -m tune_asr.search --address auto " + " ".join(arguments)
    return client.submit_job(entrypoint=command, runtime_env={"working_dir": str(checkout)}, **options)


def wait(client: JobSubmissionClient, job: str, until: Callable[[], bool]) -> None:
    end = time.monotonic() + 240
    while not until():
        assert time.monotonic() < end, client.get_job_logs(job)
        time.sleep(0.3)


def status_of(client: JobSubmissionClient, job: str) -> JobStatus:
    wait(client, job, lambda: client.get_job_status(job) in FINAL)
    return client.get_job_status(job)


def events(folder: Path) -> list[dict]:
    ledger = folder / "trials.jsonl"
    return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


def reports(folder: Path) -> int:
    return sum(event["event"] == "report" for event in events(folder))


def test_job_from_a_checkout(client, checkout, tmp_path):
    """A search in Ray's copy is refused; with results elsewhere it runs, and its log is a line an epoch."""
    refused = submit(client, checkout, "--space", "space.yaml")
    assert status_of(client, refused) == JobStatus.FAILED
    results = tmp_path / "shared" / "results"
    job = submit(
        client,
        checkout,
        *("--space", "space.yaml", "--num-samples", "1", "--results", str(results)),
        metadata={"job_name": "lr of the team"},
    )
    assert status_of(client, job) == JobStatus.SUCCEEDED
    log = client.get_job_logs(job)
    assert "epoch   6/6  WER" in log
    assert f"checkpoint: {results / 'space' / 'best.ckpt'}" in log
    assert client.get_job_info(job).metadata["job_name"] == "lr of the team"
    assert yaml.safe_load((results / "space" / "search.yaml").read_text())["versions"]["tune_asr"] == VERSION
    assert reports(results / "space") == 6
    log = client.get_job_logs(refused)
    assert "--results: results/space lies in Ray's copy of the working directory, which Ray removes" in log
    assert "Traceback" not in log
    assert client.get_job_info(refused).driver_exit_code == 2


@pytest.mark.slow
def test_stopped_job_resumes(client, head, checkout, tmp_path):
    """By the command line, as a person would; the second job continues the first."""
    folder = tmp_path / "shared" / "space"
    cli = {
        **head.environment,
        "RAY_API_SERVER_ADDRESS": head.dashboard,
        "PATH": f"{Path(RAY).parent}:{os.environ['PATH']}",
    }
    command = [RAY, "job", "submit", "--no-wait", "--submission-id", "first", "--working-dir", ".", "--"]
    command += ["python", "-m", "tune_asr.search", "--address", "auto", "--space", "space.yaml"]
    command += ["--results", str(folder.parent), "--num-samples", "2", "--max-epochs", "60"]
    subprocess.run(command, cwd=checkout, env=cli, check=True, capture_output=True)
    wait(client, "first", lambda: reports(folder) >= 3)
    stopped = subprocess.run([RAY, "job", "stop", "first"], env=cli, check=True, capture_output=True, text=True)
    assert "was stopped" in stopped.stdout + stopped.stderr
    assert client.get_job_status("first") == JobStatus.STOPPED
    shown = subprocess.run([RAY, "job", "logs", "first"], env=cli, check=True, capture_output=True, text=True)
    assert "best" in shown.stdout
    before = reports(folder)
    second = submit(client, checkout, "--resume", str(folder))
    assert status_of(client, second) == JobStatus.SUCCEEDED, client.get_job_logs(second)
    found = [(event["trial"], event["epoch"]) for event in events(folder) if event["event"] == "report"]
    assert len(found) == len(set(found)) > before
    assert events(folder)[-1] == {**events(folder)[-1], "event": "search_ended", "status": "finished"}


@pytest.mark.slow
def test_job_without_address_is_refused(client, checkout, tmp_path):
    entrypoint = f"python -m tune_asr.search --space space.yaml --results {tmp_path / 'shared'}"
    job = client.submit_job(entrypoint=entrypoint, runtime_env={"working_dir": str(checkout)})
    assert status_of(client, job) == JobStatus.FAILED
    assert "the search was submitted as a Ray job, but without --address" in client.get_job_logs(job)


def test_copy_leaves_out_results_and_caches(checkout, tmp_path):
    """Ray's own packaging decides."""
    from ray._private.runtime_env.packaging import create_package

    package = tmp_path / "package.zip"
    create_package(str(checkout), package, include_gitignore=True, excludes=[])
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", package], capture_output=True, text=True).stdout
    assert "tune_asr/search/driver.py" in listed
    assert "space.yaml" in listed
    assert "large.bin" not in listed


def test_environment_of_submitted_job_is_kept(monkeypatch):
    """Ray refuses a key that both have."""
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    assert set(environment()) == {"py_modules", "env_vars"}
    taken = {"py_modules": ["gcs://own.zip"], "env_vars": {"TUNE_FUNCTION_THREAD_TIMEOUT_S": "5"}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps({"runtime_env": taken, "metadata": {}}))
    assert environment() == {"env_vars": {}}
