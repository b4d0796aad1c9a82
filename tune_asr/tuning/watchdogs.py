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
) -> threading.Timer:
    """End the process in so many seconds, whatever it hangs in, unless the timer that is returned is cancelled."""

    def end() -> None:
        first()
        if last_words:
            sys.stderr.write(f"error: {last_words}\n")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


class RayWatch:
    """Looks after the Ray that this process has joined, from `with` on.

    Args:
        way_on: the command that goes on with the search.
        first: called before the process is ended.
    """

    def __init__(self, way_on: str, first: Callable[[], None]) -> None:
        import ray
        from ray._private.ray_constants import PROCESS_TYPE_GCS_SERVER, PROCESS_TYPE_RAYLET
        from ray._private.worker import _global_node

        processes: dict[str, Any] = _global_node.all_processes  # type: ignore[attr-defined]
        self._head = ray.get_runtime_context().gcs_address
        # A local Ray ends with either of these: nobody starts them again. Those of a joined one are not ours.
        vital = (PROCESS_TYPE_GCS_SERVER, PROCESS_TYPE_RAYLET)
        self._own = {kind: processes[kind][0].process for kind in vital if kind in processes}
        self._way_on, self._first = way_on, first
        self._loss: str | None = None
        self._done = threading.Event()

    @property
    def is_lost(self) -> bool:
        """Whether Ray is known to be lost: nothing may be asked of it any more."""
        return self._loss is not None

    def __enter__(self) -> RayWatch:
        threading.Thread(target=self._probe, name="tune_asr-ray-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()

    def require_alive(self) -> None:
        """Make sure that Ray has its head and a node: without them Tune would wait for processes for ever.

        Raises:
            ClusterError: it has not.
        """
        import ray

        if self._loss:
            raise ClusterError(self._loss)
        # A head that is silent just now must not be asked: the answer would be waited for in C++.
        if _accepts(self._head) and not any(node["Alive"] for node in ray.nodes()):  # type: ignore[no-untyped-call]
            raise ClusterError(lost("none of its nodes is alive any more", self._way_on))

    def _probe(self) -> None:
        answered = time.monotonic()
        while not self._done.wait(_PROBE_SECONDS):
            ended = [f"{kind} (pid {own.pid})" for kind, own in self._own.items() if own.poll() is not None]
            if not ended and _accepts(self._head):
                answered = time.monotonic()
            elif ended or time.monotonic() - answered > GONE_SECONDS:
                what = f"its {ended[0]} has ended" if ended else f"its head at {self._head} does not answer any more"
                self._loss = lost(what, self._way_on)
                # Time for the search to end by itself, which it cannot where it hangs in Ray.
                end_process_within(_REACT_SECONDS, ClusterError.exit_code, self._loss, self._first)
                return


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
