"""Machines for tests: each in namespaces for network, processes and host name, with a home and a TMPDIR of its own.

They share this machine's disk but for TMPDIR, and a network of their own that reaches nothing else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NoNamespaces(Exception):
    """This machine refuses network namespaces."""


@dataclass(frozen=True)
class Machine:
    """Machine of its own, as long as its first process lives."""

    name: str
    address: str
    home: Path
    temporary: Path
    first: int
    """Process whose namespaces are the machine."""

    def popen(self, script: str) -> subprocess.Popen[str]:
        """Start a script of a shell."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {
            "HOME": self.home,
            "TMPDIR": self.temporary,
            "PATH": path,
            "LANG": "C.UTF-8",
        }
        variables = [f"{name}={value}" for name, value in own.items()]
        enter = ["nsenter", "-t", str(self.first), "--net", "--uts", "--pid", "--mount", f"--wd={self.home}"]
        command = [*enter, "env", "-i", *variables, "RAY_USAGE_STATS_ENABLED=0", "bash", "-c", script]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, script: str, expect: int = 0) -> str:
        """Run a script of a shell to its end; return what it prints."""
        process = self.popen(script)
        try:
            said, _ = process.communicate(timeout=300)
        finally:
            process.kill()
        assert process.returncode == expect, said
        return said

    def fail(self) -> None:
        """Kill everything on the machine, as a power cut does."""
        os.kill(self.first, signal.SIGKILL)


@contextmanager
def two_machines(root: Path) -> Iterator[tuple[Machine, Machine]]:
    """Start two machines in one network; end everything on them afterwards.

    Raises:
        NoNamespaces: the system refuses them, with its reason.
    """
    names = [f"ta{os.getpid()}{letter}" for letter in "ab"]
    links = [f"{name}v" for name in names]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", links[0], "netns", names[0], "type", "veth", "peer", "name", links[1], "netns", names[1])
        machines = []
        with tempfile.TemporaryDirectory(prefix="m-", dir="/tmp", ignore_cleanup_errors=True) as short:
            for number, (name, link) in enumerate(zip(names, links, strict=True), start=1):
                address = f"10.99.0.{number}"
                for command in (
                    f"addr add {address}/24 dev {link}",
                    f"link set {link} up",
                    "link set lo up",
                    f"route add default dev {link}",
                ):
                    _ip("-n", name, *command.split())
                process, first = _first_process(name)
                started.append(process)
                home = root / name
                home.mkdir()
                machine = Machine(f"machine-{number}", address, home, Path(short), first)
                # Every node of Ray uses the path of the head's folder: it must not be the same folder.
                machine.run(f"hostname {machine.name} && mount -t tmpfs none {short}")
                machines.append(machine)
            yield machines[0], machines[1]
    finally:
        for process in started:
            process.kill()
            process.wait()
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _ip(*arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoNamespaces("there is no command `ip`") from error
    except subprocess.CalledProcessError as error:
        raise NoNamespaces(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error


def _first_process(name: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start the first process of a machine; the others end with it."""
    own = ["unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sleep", "infinity"]
    process = subprocess.Popen(["ip", "netns", "exec", name, *own], start_new_session=True)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            if b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes():
                return process, int(child)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    raise NoNamespaces("unshare: no process of its own has started")
