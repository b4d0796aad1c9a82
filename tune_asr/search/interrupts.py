"""Ctrl-C, SIGTERM and SIGHUP: noted when they come, acted on between two events of the search."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Which signal asked the search to end, once one did. A second one ends the process at once.

    On leaving the `with`, every handler is again what it was on entering, those that Ray and Tune replace included.
    """

    def __init__(self, before_exit: Callable[[], None]) -> None:
        self.number: int | None = None
        self._before_exit = before_exit
        self._before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGUSR1)}

    def __enter__(self) -> Interrupts:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Take the signals over; again after `ray.init`, which puts its own handler for SIGTERM in place."""
        for number in SIGNALS:
            if self._before[number] is not signal.SIG_IGN:  # nohup asked for that
                signal.signal(number, self._note)

    def exit_code(self, otherwise: int) -> int:
        """128 + the number of the signal that has come; `otherwise` where none has."""
        return otherwise if self.number is None else 128 + self.number

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is not None:
            # The ledger is on the disk after every event: nothing is lost. What would clean up runs no more.
            try:
                self._before_exit()
            finally:
                os._exit(128 + number)
        self.number = number
