"""Ctrl-C, SIGTERM and SIGHUP: noted when they come, acted on between two events of the search."""

from __future__ import annotations

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Which signal asked the search to end, once one did. A second one ends the process at once."""

    def __init__(self) -> None:
        self.number: int | None = None

    def install(self) -> None:
        """Take the signals over; again after `ray.init`, which puts its own handler for SIGTERM in place."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asked for that
                signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is not None:
            # The ledger is on the disk after every event: nothing is lost.
            os._exit(128 + number)
        self.number = number
