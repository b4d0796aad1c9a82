"""Ends of a search stuck in Ray.

Ray's client waits in C++, where no signal and no exception reaches it: minutes for an address that does not answer, and
60 s for a head (its GCS) that is gone, after which Ray ends the process itself, with exit 1 and no message. The threads
here act before that. They may end the process at any moment: the ledger is on the disk after every event.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from tune_asr.errors import ClusterError

GONE_SECONDS = 15.0
"""A head that answers again within this time is the same Ray: a cluster restarts a fault-tolerant one."""
_PROBE_SECONDS = 1.0
_REACT_SECONDS = 4.0


def end_process_within(
    seconds: float, code: int, last_words: str = "", first: Callable[[], None] = lambda: None
) -> Callable[[], None]:
    """Schedule the end of this process, even if it hangs.

    Args:
        seconds: time until then.
        code: exit code.
        last_words: error message for stderr.
        first: callback before the process ends.

    Returns:
        Function that cancels the end. It does not return once the end has begun, so that only one exit code counts.
    """
    called_off, ending = threading.Event(), threading.Lock()

    def end() -> None:
        called_off.wait(seconds)
        with ending:
            if called_off.is_set():
                return
            try:
                first()
            finally:
                _exit(code, last_words)

    def call_off() -> None:
        with ending:
            called_off.set()

    threading.Thread(target=end, name="tune_asr-end", daemon=True).start()
    return call_off


def _exit(code: int, last_words: str) -> None:
    try:
        if last_words:
            sys.stderr.write(f"error: {last_words}\n")
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


class RayWatch:
    """Watch over a local or joined Ray, within `with`.

    Args:
        resume_command: command that resumes the search.
        exit_code: function that returns the exit code of a search that hangs in a lost Ray.
        first: callback before the process is ended.
    """

    def __init__(self, resume_command: str, exit_code: Callable[[], int], first: Callable[[], None]) -> None:
        import ray

        self._head = ray.get_runtime_context().gcs_address
        self._own = own_processes()
        self._resume_by, self._exit_code, self._first = resume_command, exit_code, first
        self._loss: ClusterError | None = None
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._call_off: Callable[[], None] = lambda: None

    @property
    def is_lost(self) -> bool:
        """True once Ray is lost; calls to it would hang."""
        with self._lock:  # of two threads that poll a process at once, one gets "running"
            ended = [f"{kind} (pid {own.pid})" for kind, own in self._own.items() if own.poll() is not None]
        if ended:
            self._loss = loss(f"its {ended[0]} has ended", self._resume_by)
        return self._loss is not None

    def __enter__(self) -> RayWatch:
        threading.Thread(target=self._probe, name="tune_asr-ray-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._done.set()
        self._call_off()

    def require_alive(self) -> None:
        """Check for a head and a node.

        Tune would wait for them forever.

        Raises:
            ClusterError: either is gone.
        """
        import ray

        if self.is_lost and self._loss:
            raise self._loss
        # A call to a head that does not answer would wait in C++.
        if _accepts(self._head) and not any(node["Alive"] for node in ray.nodes()):  # type: ignore[no-untyped-call]
            raise loss("none of its nodes is alive any more", self._resume_by)

    def _probe(self) -> None:
        answered = time.monotonic()
        while not self._done.wait(_PROBE_SECONDS):
            if not self.is_lost and _accepts(self._head):
                answered = time.monotonic()
            elif not self.is_lost and time.monotonic() - answered > GONE_SECONDS:
                self._loss = loss(f"its head at {self._head} does not answer any more", self._resume_by)
            if self.is_lost:
                self._bound()
                return

    def _bound(self) -> None:
        """End the process soon, unless the search ends by itself."""
        with self._lock:
            if not self._done.is_set():
                self._call_off = end_process_within(_REACT_SECONDS, self._exit_code(), str(self._loss), self._first)


def own_processes() -> dict[str, subprocess.Popen[bytes]]:
    """Return the vital processes of a local Ray.

    They are read from Ray's insides. A Ray without them is watched by the probe of its head's port alone.
    """
    with suppress(ImportError, AttributeError, LookupError, TypeError):
        from ray._private.ray_constants import PROCESS_TYPE_GCS_SERVER, PROCESS_TYPE_RAYLET
        from ray._private.worker import _global_node

        processes = _global_node.all_processes  # type: ignore[attr-defined]
        vital = (PROCESS_TYPE_GCS_SERVER, PROCESS_TYPE_RAYLET)
        found = {kind: processes[kind][0].process for kind in vital if kind in processes}
        return {kind: process for kind, process in found.items() if isinstance(process, subprocess.Popen)}
    return {}


def loss(what: str, resume_command: str) -> ClusterError:
    """Return the error of a lost Ray.

    Args:
        what: sentence about what is gone.
        resume_command: command that resumes the search.
    """
    return ClusterError(f"Ray was lost: {what}; every reported epoch is safe", hint=f"Resume with: {resume_command}")


def _accepts(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError:
        return False
    return True
