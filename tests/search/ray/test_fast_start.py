"""Fast start of a local Ray, its ends, and its switch."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.processes import assert_gone, still_alive
from tune_asr.search.ray.fast_start.environment import local_environment
from tune_asr.search.ray.fast_start.switch import SWITCH, FastStart

PROGRAM = "tests.search.ray.programs.session"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", PROGRAM, *map(str, arguments)]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Findings of a session that waited for its dashboard."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "trials.jsonl").touch()
    (folder / "a.wav").write_bytes(b"12345")
    environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": "secret"}
    run = subprocess.run(command(120, "leave", folder), capture_output=True, text=True, timeout=170, env=environment)
    return json.loads(run.stdout or run.stderr)


def test_dashboard_starts_late_and_names_search(session):
    assert session["at_first"] is None
    assert session["url"].startswith("http://127.0.0.1:")
    assert session["jobs"] == ["tune_asr search ours"]


def test_ray_is_closed_to_others(session):
    """It listens on the loopback interface, and its files are this user's alone."""
    assert session["listens"] == ["127.0.0.1"]
    assert session["modes"] == [0o600, 0o700, 0o700]


def test_workers_are_preloaded_for_tune(session):
    """They have torch, and collect garbage again. They inherit each variable, so actors need no environment."""
    assert session["worker"] == [True, "secret", "1"]
    assert session["tune"] == [{}, []]


def test_nodes_answer_about_data(session):
    (seen, no_error), (wrong_size, error), (silent, no_answer) = session["nodes"]
    assert (seen, wrong_size, silent) == (0, 3, 6)
    assert no_error == ""
    assert "a.wav has 5 bytes there and 6 here" in error
    assert "does not answer within 0 s" in no_answer
    assert error.startswith("node ") and no_answer.startswith("node ")


def test_leave_nothing_kills_ray_alone(session):
    """Processes older than Ray stay, before its start too."""
    assert (session["child_before"], session["child_after"]) == (None, None)
    assert session["own"] == ["gcs_server", "raylet"]
    assert len(session["processes"]) >= 2
    assert_gone(lambda: still_alive(session["processes"]))


def test_early_end_is_silent(tmp_path):
    """Ending before the dashboard is up leaves no process."""
    run = subprocess.run(command(0, "shut-down", tmp_path), capture_output=True, text=True, timeout=170)
    found = json.loads(run.stdout or run.stderr)
    assert found["url"] is None
    assert run.stderr == ""
    assert_gone(lambda: still_alive(found["processes"]))


@pytest.mark.slow
def test_killed_process_takes_dashboard_along(tmp_path):
    process = subprocess.Popen(
        command(0, "stay", tmp_path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    processes = json.loads(process.stdout.readline())["processes"]
    assert processes
    process.kill()
    process.wait(timeout=60)
    assert_gone(lambda: still_alive(processes))


def test_plain_search_equals_fast_one(workspace, finished):
    """The first trial reports the same scores, and no file of Ray's has a secret."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {SWITCH: "1", "AWS_SECRET_ACCESS_KEY": "canary", "RAY_TMPDIR": folder}
        workspace.run("search", "--space", "space.yaml", "--num-samples", "1", **environment)
        written = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert any(path.name == "runtime_env_agent.log" for path in written)
        assert not [path for path in written if b"canary" in path.read_bytes()]
    scores = ("trial", "epoch", "val_wer", "val_cer", "val_loss", "objective", "train_loss")
    plain, fast = (
        [{key: event[key] for key in scores} for event in run.ledger() if event["event"] == "report"]
        for run in (workspace, finished)
    )
    assert len(plain) == 6
    assert plain == [report for report in fast if report["trial"] == "00000"]


def test_switch_turns_everything_off(monkeypatch):
    monkeypatch.setenv(SWITCH, "1")
    from ray._private.node import Node

    before, methods = dict(os.environ), dict(vars(Node))
    fast_start = FastStart()
    fast_start.prepare()
    with fast_start.postponing():
        assert dict(vars(Node)) == methods
    fast_start.complete()
    ended = []
    fast_start.end(lambda: ended.append(True))
    assert (dict(os.environ), ended) == (before, [True])


WITHOUT_IMPORTS = """
import os
import sys

sys.modules |= dict.fromkeys(("torch", "lightning", "ray"))  # each is an ImportError
import tune_asr.search.ray.fast_start.preload

print(os.nice(0))
"""


@pytest.mark.parametrize(("users", "niceness"), [({}, 15), ({"RAY_worker_niceness": "3"}, 0)])
def test_preload_lowers_priority(users, niceness):
    """Ray applies a niceness set by the user."""
    environment = {**os.environ, **users, **local_environment(users)}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_IMPORTS], env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.split() == [str(max(niceness, os.nice(0)))], run.stderr


def test_worker_niceness_of_user_is_kept():
    assert local_environment({})["RAY_worker_niceness"] == "0"
    assert "RAY_worker_niceness" not in local_environment({"RAY_worker_niceness": "3"})
