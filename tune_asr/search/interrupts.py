"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1, acted on between two events.

A batch system sends SIGUSR1 as a warning, some time before it ends a job: to the driver alone, or to every process.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from tune_asr.errors import ENDING_SIGNALS

SIGNALS = ENDING_SIGNALS
_LOOK_SECONDS = 0.1
EARLY = "interrupted before any trial began to train: nothing was written, and the same command starts again"
"""Last words of a search, new or resumed, while it starts."""


@contextmanager
def for_the_main_thread() -> Iterator[None]:
    """Let threads that begin within this block take no signals.

    A library starts threads of its own when it is imported. Ray's handlers would print a dump in them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Interrupts:
    """Handlers of the signals that end a search.

    A second signal ends the process at once. On leaving the `with`, every handler is restored, also those replaced by
    Ray and Tune.
    """

    def __init__(self, before_exit: Callable[[], None]) -> None:
        self.number: int | None = None
        self._before_exit = before_exit
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        self._ours = [number for number, handler in self._before.items() if handler is not signal.SIG_IGN]  # nohup

    def __enter__(self) -> Interrupts:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def install(self) -> None:
        """Install the handlers, and let signals come.

        Ray replaces the handler of SIGTERM, and Tune that of SIGUSR1.
        """
        for number in self._ours:
            signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._ours)

    def hold(self) -> None:
        """Let no signal come until `install`."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self._ours)

    @contextmanager
    def at_once(self, before_exit: Callable[[], None]) -> Iterator[None]:
        """End the process at once if a signal comes.

        Ray, while it starts, has handlers in C++ that print a dump, and waits for processes that may have got the
        signal too.

        Args:
            before_exit: callback before the process is ended.
        """
        over = threading.Event()

        def look() -> None:
            while not over.wait(_LOOK_SECONDS):
                for number in signal.sigpending() & set(self._ours):
                    _exit(number, before_exit)

        self.hold()
        watcher = threading.Thread(target=look, name="tune_asr-signals", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            self.install()

    def exit_code(self, otherwise: int) -> int:
        """Return 128 + the number of the signal, or `otherwise`."""
        return otherwise if self.number is None else 128 + self.number

    def exit_if_any(self) -> None:
        """End the process if an early signal has come."""
        if self.number is not None:
            print(EARLY, flush=True)
            raise SystemExit(128 + self.number)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
        elif number != signal.SIGUSR1:  # a batch system may send its warning in two ways
            # Nothing is lost: the ledger is on the disk after every event. Other clean-up does not run any more.
            try:
                self._before_exit()
            finally:
                os._exit(128 + number)


def _exit(number: int, before_exit: Callable[[], None]) -> None:
    try:
        print(EARLY, flush=True)
        before_exit()  # last: once its processes are killed, Ray may end this one with a code of its own
    finally:
        os._exit(128 + number)
