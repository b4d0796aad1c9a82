"""Heads of Ray for tests, started by `ray start` and ended with the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

RAY = str(Path(sys.executable).with_name("ray"))
_OWN = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_TMPDIR")


@dataclass(frozen=True)
class Head:
    """Running head of a cluster."""

    address: str
    dashboard: str
    environment: Mapping[str, str]
    """Environment of its machine: HOME and TMPDIR are its own."""


def free_ports(number: int) -> list[int]:
    """Return ports that nothing listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for probe in sockets:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports


@contextmanager
def running_head(home: Path, **variables: str) -> Iterator[Head]:
    """Start a head with one CPU and a dashboard; end it afterwards.

    Args:
        home: its home folder.
        variables: variables of its environment.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _OWN}
    with tempfile.TemporaryDirectory(
        prefix="ray-", dir="/tmp", ignore_cleanup_errors=True
    ) as short:  # sockets have short paths
        environment = {**inherited, "HOME": str(home), "TMPDIR": short, "RAY_USAGE_STATS_ENABLED": "0", **variables}
        port, dashboard, *agents = free_ports(4)
        command = [RAY, "start", "--head", "--block", "--num-cpus=1", "--object-store-memory=100000000"]
        command += ["--node-ip-address=127.0.0.1", f"--port={port}", f"--dashboard-port={dashboard}"]
        command += [f"--dashboard-agent-listen-port={agents[0]}", f"--dashboard-agent-grpc-port={agents[1]}"]
        process = subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            head = Head(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}", environment)
            _wait_for(head, process)
            yield head
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # SIGTERM takes half a minute
            process.wait(timeout=60)


def _wait_for(head: Head, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while True:
        with suppress(OSError), closing(urllib.request.urlopen(f"{head.dashboard}/api/authentication_mode")):
            if Path(head.environment["TMPDIR"], "ray", "ray_current_cluster").exists():
                return
        assert process.poll() is None, "the head has ended"
        assert time.monotonic() < end, "the head did not come up"
        time.sleep(0.2)
