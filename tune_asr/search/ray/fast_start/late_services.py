"""Dashboard and monitors of Ray, started after its workers.

`ray.init` starts the dashboard first and waits for it, so workers begin their imports only once the dashboard has made
its own. Here `ray.init` only records its calls. They are made afterwards, in a thread of low priority: the workers get
all cores for their imports, and the dashboard what they leave.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_METHODS = ("start_monitor", "start_log_monitor", "start_api_server")  # the last one waits for the dashboard
_NICENESS = 10
"""Below a worker that imports, above one that trains, unless the user gives workers a lower niceness."""
_BEGIN_SECONDS = 5.0
_log = logging.getLogger("ray._private.services")  # Ray reports here why its dashboard did not start


class LateServices:
    """Autoscaler's monitor, log monitor and dashboard of a local Ray."""

    def __init__(self) -> None:
        self._calls: dict[str, Callable[[], None]] = {}
        self._ending = False
        self._over = threading.Event()

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Record the starts of services within `ray.init`.

        A Ray without these methods starts its services in its own order.
        """
        from ray._private import services
        from ray._private.node import Node

        methods = _METHODS if hasattr(services, "start_ray_process") else ()
        own = {name: getattr(Node, name) for name in methods if hasattr(Node, name)}
        for name, method in own.items():
            setattr(Node, name, self._recording(name, method))
        try:
            yield
        finally:
            for name, method in own.items():
                setattr(Node, name, method)

    def start(self) -> None:
        """Start the services; return once their processes have begun.

        They have the current umask.
        """
        if not self._calls:
            return
        with _counted_starts() as begun:
            threading.Thread(target=self._run, name="tune_asr-late-services", daemon=True).start()
            for _ in self._calls:
                begun.acquire(timeout=_BEGIN_SECONDS)

    def end(self, shut_down: Callable[[], None]) -> None:
        """Shut Ray down; pending services never start."""
        self._ending = True
        _log.setLevel(logging.CRITICAL)  # no message about a dashboard that is still starting
        shut_down()
        self._over.set()

    def _recording(self, name: str, method: Callable[..., None]) -> Callable[..., None]:
        def record(*arguments: object, **named: object) -> None:
            self._calls[name] = functools.partial(method, *arguments, **named)

        return record

    def _run(self) -> None:
        # On Linux this is the priority of the thread, and of the processes that it starts.
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        for name in _METHODS:
            if name not in self._calls or self._ending:
                continue
            try:
                self._calls[name]()
            except Exception as error:  # the search runs without it, as Ray does
                _log.error("a service of Ray cannot be started: %s", error)
        # Linux kills these processes when the thread that started them ends.
        self._over.wait()


@contextmanager
def _counted_starts() -> Iterator[threading.Semaphore]:
    """Yield a semaphore, released at each process start of Ray.

    `start_ray_process` is replaced for the whole process, but the caller waits: only the services call it meanwhile.
    """
    from ray._private import services

    begin, begun = services.start_ray_process, threading.Semaphore(0)

    def counted(*arguments: Any, **named: Any) -> Any:
        try:
            return begin(*arguments, **named)
        finally:
            begun.release()

    services.start_ray_process = counted
    try:
        yield begun
    finally:
        services.start_ray_process = begin
