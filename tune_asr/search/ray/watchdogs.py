"""What ends a search that Ray would keep waiting.

Ray's client waits in C++, where no signal and no exception reaches it: minutes for an address that says nothing, and
for a head (its GCS) that is gone 60 s, after which Ray ends the process itself, with exit 1 and without a sentence. The
threads here come before that. They may end the process at any moment: the ledger is on the disk after every event.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from tune_asr.errors import ClusterError

GONE_SECONDS = 15.0
"""A joined head that is back within this time is the same Ray: a fault-tolerant one is restarted by its cluster."""
_PROBE_SECONDS = 1.0
_REACT_SECONDS = 4.0


def end_process_within(
    seconds: float, code: int, last_words: str = "", first: Callable[[], None] = lambda: None
) -> Callable[[], None]:
    """End the process in so many seconds, whatever it hangs in.

    Returns:
        What calls the end off. Once the end has begun, it does not return: nobody else says how the process ended.
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
    """Looks after the Ray that this process has started or joined, from `with` on.

    Args:
        way_on: the command that goes on with the search.
        exit_code: tells the exit code of a search that hangs in a lost Ray.
        first: called before the process is ended.
    """

    def __init__(self, way_on: str, exit_code: Callable[[], int], first: Callable[[], None]) -> None:
        import ray
        from ray._private.ray_constants import PROCESS_TYPE_GCS_SERVER, PROCESS_TYPE_RAYLET
        from ray._private.worker import _global_node

        processes: dict[str, Any] = _global_node.all_processes  # type: ignore[attr-defined]
        self._head = ray.get_runtime_context().gcs_address
        # A local Ray ends with either of these: nobody starts them again. Those of a joined one are not ours.
        vital = (PROCESS_TYPE_GCS_SERVER, PROCESS_TYPE_RAYLET)
        self._own = {kind: processes[kind][0].process for kind in vital if kind in processes}
        self._way_on, self._exit_code, self._first = way_on, exit_code, first
        self._loss: str | None = None
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._call_off: Callable[[], None] = lambda: None

    @property
    def is_lost(self) -> bool:
        """Whether Ray is known to be lost: nothing may be asked of it any more."""
        with self._lock:  # of two who poll a process at once, one is told that it runs
            ended = [f"{kind} (pid {own.pid})" for kind, own in self._own.items() if own.poll() is not None]
        if ended:
            self._loss = lost(f"its {ended[0]} has ended", self._way_on)
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
        """Make sure that Ray has its head and a node: without them Tune would wait for processes for ever.

        Raises:
            ClusterError: it has not.
        """
        import ray

        if self.is_lost:
            raise ClusterError(str(self._loss))
        # A head that is silent just now must not be asked: the answer would be waited for in C++.
        if _accepts(self._head) and not any(node["Alive"] for node in ray.nodes()):  # type: ignore[no-untyped-call]
            raise ClusterError(lost("none of its nodes is alive any more", self._way_on))

    def _probe(self) -> None:
        answered = time.monotonic()
        while not self._done.wait(_PROBE_SECONDS):
            if not self.is_lost and _accepts(self._head):
                answered = time.monotonic()
            elif not self.is_lost and time.monotonic() - answered > GONE_SECONDS:
                self._loss = lost(f"its head at {self._head} does not answer any more", self._way_on)
            if self.is_lost:
                self._bound()
                return

    def _bound(self) -> None:
        """Give the search time to end by itself, which it cannot where it hangs in Ray."""
        with self._lock:
            if not self._done.is_set():
                self._call_off = end_process_within(_REACT_SECONDS, self._exit_code(), str(self._loss), self._first)


def lost(what: str, way_on: str) -> str:
    """What is said where Ray went away under a search."""
    return f"Ray was lost: {what}: every reported epoch is safe; go on with: {way_on}"


def _accepts(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError:
        return False
    return True
