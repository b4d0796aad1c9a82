"""Ray's services that no trial waits for, started behind the workers instead of before them.

`ray.init` starts the dashboard first and waits for it, so that no worker begins its imports before the dashboard is
done with its own. Here `ray.init` only notes how it would have started these services. They start afterwards, in a
thread, at a low priority: while the workers need all cores for their imports, the dashboard gets what they leave.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

_METHODS = ("start_monitor", "start_log_monitor", "start_api_server")  # the last one waits for the dashboard
_NICENESS = 10
"""Behind a worker that imports; before one that trains, unless the user gives workers a niceness below this one."""
_BEGIN_SECONDS = 5.0
_log = logging.getLogger("ray._private.services")  # where Ray says why its dashboard did not come up


class LateServices:
    """The autoscaler's monitor, the log monitor and the dashboard of a Ray that this process starts."""

    def __init__(self) -> None:
        self._calls: dict[str, Callable[[], None]] = {}
        self._ending = False
        self._over = threading.Event()

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """Around `ray.init`. A Ray that has no such methods starts its services in its own order."""
        from ray._private.node import Node

        own = {name: getattr(Node, name) for name in _METHODS if hasattr(Node, name)}
        for name, method in own.items():
            setattr(Node, name, self._noting(name, method))
        try:
            yield
        finally:
            for name, method in own.items():
                setattr(Node, name, method)

    def start(self) -> None:
        """Start what was postponed. Returns as soon as the processes have begun, with the umask of now."""
        from ray._private import services

        begin, begun = services.start_ray_process, threading.Semaphore(0)

        def counted(*arguments: Any, **named: Any) -> Any:
            try:
                return begin(*arguments, **named)
            finally:
                begun.release()

        services.start_ray_process = counted
        threading.Thread(target=self._run, name="tune_asr-late-services", daemon=True).start()
        for _ in self._calls:
            begun.acquire(timeout=_BEGIN_SECONDS)
        services.start_ray_process = begin

    def end(self, shut_down: Callable[[], None]) -> None:
        """`shut_down` ends Ray; services that have not started yet do not."""
        self._ending = True
        _log.setLevel(logging.CRITICAL)  # a dashboard that is still starting is missed by nobody
        shut_down()
        self._over.set()

    def _noting(self, name: str, method: Callable[..., None]) -> Callable[..., None]:
        def note(node: Any, **arguments: Any) -> None:
            self._calls[name] = functools.partial(method, node, **arguments)

        return note

    def _run(self) -> None:
        # On Linux this is the priority of the thread, and of the processes that it starts.
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        for name in _METHODS:
            if name not in self._calls or self._ending:
                continue
            try:
                self._calls[name]()
            except Exception as error:  # the search does without, as Ray does
                _log.error("a service of Ray cannot be started: %s", error)
        # Linux kills these processes when the thread that started them is gone.
        self._over.wait()
