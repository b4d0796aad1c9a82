"""Ctrl-C, SIGTERM and SIGHUP, acted on between two events."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Handlers of the signals that end a search.

    A second signal ends the process at once. On leaving the `with`, every handler is restored, also those replaced by
    Ray and Tune.
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
        """Install the handlers, and again after `ray.init`.

        Ray replaces that of SIGTERM.
        """
        for number in SIGNALS:
            if self._before[number] is not signal.SIG_IGN:  # nohup asked for that
                signal.signal(number, self._note)

    def exit_code(self, otherwise: int) -> int:
        """Return 128 + the number of the signal, or `otherwise`."""
        return otherwise if self.number is None else 128 + self.number

    def exit_if_any(self) -> None:
        """End the process if a signal has come."""
        if self.number is not None:
            raise SystemExit(128 + self.number)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is not None:
            # Nothing is lost: the ledger is on the disk after every event. Other clean-up does not run any more.
            try:
                self._before_exit()
            finally:
                os._exit(128 + number)
        self.number = number
