"""Heads with a token and without, told apart before the first trial."""

import os
import socket
import subprocess
import sys

import pytest

from tests.search.ray.heads import Head, free_ports, running_head
from tune_asr.errors import ClusterError
from tune_asr.search.ray.head import Answer, address_of, ask, is_host_and_port, running_here, use_its_token

TOKEN = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """Head that requires a token."""
    with running_head(tmp_path_factory.mktemp("locked"), RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN) as head:
        yield head


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory):
    """Head without a token, beside a token file of another program."""
    home = tmp_path_factory.mktemp("unlocked")
    with running_head(home) as head:
        (home / ".ray").mkdir()
        (home / ".ray" / "auth_token").write_text(TOKEN)
        yield head


@pytest.fixture
def variables(monkeypatch, tmp_path):
    """Variables of Ray, none of them set."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS", "RAY_TMPDIR"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


def test_head_with_token_is_recognised(locked, variables):
    assert ask(locked.address, None) is Answer.REFUSED
    with pytest.raises(ClusterError, match=r"requires a token, but .*/auth_token has none"):
        use_its_token(locked.address)
    variables.setenv("RAY_AUTH_TOKEN", "another")
    with pytest.raises(ClusterError, match="refuses the token in RAY_AUTH_TOKEN"):
        use_its_token(locked.address)
    assert "RAY_AUTH_MODE" not in os.environ
    variables.setenv("RAY_AUTH_TOKEN", TOKEN)
    use_its_token(locked.address)
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_head_without_token_is_recognised(unlocked, variables):
    """No token file and no variable of the user makes Ray use one."""
    variables.setenv("RAY_AUTH_MODE", "token")
    variables.setenv("RAY_AUTH_TOKEN", TOKEN)
    use_its_token(unlocked.address)
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


def test_unknown_head_leaves_variables(variables):
    [port] = free_ports(1)
    use_its_token(f"127.0.0.1:{port}")
    assert "RAY_AUTH_MODE" not in os.environ


def test_missing_token_ends_search(workspace, locked):
    """Nothing is left of it."""
    environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": "/nowhere"}
    run = workspace.run("search", "--space", "space.yaml", "--address", locked.address, expect=6, **environment)
    assert f"the cluster at {locked.address} requires a token, but /nowhere has none" in run.stderr
    assert not (workspace.root / "results" / "space").exists()


def search(workspace, head: Head, *arguments: str) -> str:
    environment = {**head.environment, "RAY_AUTH_MODE": "", "RAY_ADDRESS": ""}
    run = workspace.run("search", "--space", "space.yaml", *arguments, "--num-samples", "1", **environment)
    assert {event["event"] for event in workspace.ledger()} >= {"started", "finished"}
    return run.stdout


def test_token_file_of_another_program_is_harmless(workspace, unlocked):
    """The address is found as that of the last `ray start`."""
    said = search(workspace, unlocked, "--address", "auto")
    assert f"started   on {socket.gethostname()} (pid " in said
    assert "auth_token" not in said


@pytest.mark.slow
def test_search_uses_token_of_cluster(workspace, locked):
    assert "(its token is in RAY_AUTH_TOKEN)" in search(workspace, locked, "--address", locked.address)


def test_address_is_found_without_ray(variables, tmp_path):
    variables.setenv("TMPDIR", str(tmp_path))
    assert address_of("10.0.0.1:6379") == "10.0.0.1:6379"
    assert address_of("auto") is None
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("10.0.0.2:6379\n")
    assert address_of("auto") == "10.0.0.2:6379"
    variables.setenv("RAY_ADDRESS", "10.0.0.3:6379")
    assert address_of("auto") == "10.0.0.3:6379"


def test_form_of_addresses():
    assert all(map(is_host_and_port, ("head:6379", "10.0.0.1:1", "[fe80::1%eth0]:65535")))
    wrong = ("foo", "local", "10.0.0.1", ":6379", "head:", "head:x", "head:0", "head:65536", "fe80::1:6379", "a b:1")
    assert not any(map(is_host_and_port, wrong))


def test_running_ray_is_found_by_its_raylet():
    program = "import sys, time; print('ready', flush=True); time.sleep(60)"
    command = ["/nowhere/raylet", "-c", program, "--gcs-address=127.0.0.1:9"]
    with subprocess.Popen(command, executable=sys.executable, stdout=subprocess.PIPE) as raylet:
        assert raylet.stdout.readline() == b"ready\n"
        assert is_host_and_port(running_here())  # of another Ray, if tests run beside one
        raylet.kill()
