"""Searches on a Ray cluster, and addresses without one."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import TINY_SPACE

RAY = str(Path(sys.executable).with_name("ray"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_nodes(address, number, environment):
    count = (
        f"import ray; ray.init(address={address!r}, logging_level=50, log_to_driver=False); "
        "print(sum(node['Alive'] for node in ray.nodes()))"
    )
    end = time.monotonic() + 90
    while time.monotonic() < end:
        look = subprocess.run([sys.executable, "-c", count], env=environment, capture_output=True, text=True)
        if look.stdout.strip() == str(number):
            return
        time.sleep(1)
    raise AssertionError(f"{number} nodes did not come up: {look.stderr}")


@pytest.fixture
def cluster(tmp_path_factory):
    """Address of a cluster of two nodes with one CPU each."""
    port = free_port()
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    common = ["--num-cpus=1", "--object-store-memory=100000000", "--block"]
    commands = (
        [RAY, "start", "--head", f"--port={port}", "--include-dashboard=false", *common],
        [RAY, "start", f"--address=127.0.0.1:{port}", *common],
    )
    nodes = []
    for number, command in enumerate(commands, start=1):
        nodes.append(
            subprocess.Popen(command, cwd="/", env=environment, start_new_session=True, stdout=subprocess.DEVNULL)
        )
        wait_for_nodes(f"127.0.0.1:{port}", number, environment)
    yield f"127.0.0.1:{port}"
    for node in reversed(nodes):
        os.killpg(node.pid, signal.SIGTERM)
        node.wait(timeout=60)


@pytest.mark.slow
def test_search_uses_all_nodes(workspace, finished, cluster):
    arguments = ("--space", "space.yaml", "--set", "search.max_concurrent=auto", "--address", cluster)
    workspace.run("search", *arguments, RAY_AUTH_MODE="disabled")
    events = workspace.ledger()
    assert events[0]["slots"] == 2
    assert len({event["process"] for event in events if event["event"] == "started"}) == 2
    # The order of reports decides which trials are pruned, but not the scores of an epoch.
    alone = {(e["trial"], e["epoch"]): e["objective"] for e in finished.ledger() if e["event"] == "report"}
    here = {(e["trial"], e["epoch"]): e["objective"] for e in events if e["event"] == "report"}
    assert all(here[key] == alone[key] for key in here.keys() & alone.keys())


@pytest.mark.slow
def test_silent_workers_are_killed_on_their_nodes(workspace, cluster):
    workspace.write("space.yaml", {**TINY_SPACE, "search": {"num_samples": 2}, "resources": {"silence": 0.5}})
    larger = ("--set", "data.num_train=512", "--set", "trainer.max_epochs=8")
    process = workspace.popen(
        "search", "--space", "space.yaml", "--address", cluster, *larger, RAY_AUTH_MODE="disabled"
    )
    workspace.wait_for(process, lambda: len({e["trial"] for e in workspace.ledger() if e["event"] == "report"}) == 2)
    workers = {event["process"] for event in workspace.ledger() if event["event"] == "started"}
    for worker in workers:
        os.kill(int(worker.rpartition(":")[2]), signal.SIGSTOP)
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, out + err
    silent = [event["cause"] for event in workspace.ledger() if event.get("retry")]
    assert len(silent) == len(workers) == 2
    assert all(any(f"its process {worker} has said nothing for" in cause for cause in silent) for worker in workers)


@pytest.mark.parametrize("listens", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_silent_address_leaves_nothing(workspace, listens):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:  # it accepts and stays silent
            server.listen()
        port = server.getsockname()[1]
        run = workspace.run("search", "--space", "space.yaml", "--address", f"127.0.0.1:{port}", expect=6)
    assert f"no Ray answers at 127.0.0.1:{port}{' within' if listens else ': Connection refused'}" in run.stderr
    assert not (workspace.root / "results" / "space").exists()


@pytest.mark.parametrize(("address", "variable"), [("ray://x:1", ""), ("auto", "ray://x:1")])
def test_ray_client_address_is_refused(workspace, address, variable):
    command = ("search", "--space", "space.yaml", "--address", address)
    run = workspace.run(*command, RAY_ADDRESS=variable, expect=2)
    refused = run.stderr
    assert run.stdout == ""  # before the data report
    assert "ray://x:1, a Ray Client, but must be an address inside the cluster" in refused
    assert "HOST:PORT" in refused
    assert refused.startswith("error: --address is")


def test_variable_with_another_form_is_refused(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--address", "auto", RAY_ADDRESS="foo", expect=2)
    assert "--address is auto, and RAY_ADDRESS is 'foo', but must be HOST:PORT" in run.stderr
    assert not (workspace.root / "results" / "space").exists()
