"""Switch of the fast start: `TUNE_ASR_PLAIN_RAY=1` turns it off."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from tune_asr.search.ray.fast_start.environment import local_environment
from tune_asr.search.ray.fast_start.late_services import LateServices
from tune_asr.search.ray.fast_start.prestarted import use_prestarted_workers

SWITCH = "TUNE_ASR_PLAIN_RAY"


class FastStart:
    """Steps of a fast start, around `ray.init`.

    Each does nothing if the switch is set.
    """

    def __init__(self) -> None:
        self._services = None if os.environ.get(SWITCH) == "1" else LateServices()

    def prepare(self) -> None:
        """Set the variables of a local Ray.

        Called before Ray is imported.
        """
        if self._services:
            os.environ |= local_environment(os.environ)

    def postponing(self) -> AbstractContextManager[None]:
        """Postpone the services in `ray.init`."""
        return self._services.postponed() if self._services else nullcontext()

    def complete(self) -> None:
        """Start the postponed services."""
        if self._services:
            self._services.start()
            use_prestarted_workers()

    def end(self, shut_down: Callable[[], None]) -> None:
        """Shut Ray down; pending services never start."""
        if self._services:
            self._services.end(shut_down)
        else:
            shut_down()
