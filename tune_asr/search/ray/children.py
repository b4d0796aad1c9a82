"""Signals of Ray's processes.

A batch system's warning, SIGUSR1, may reach every process of a job, and would end Ray's server while the driver still
needs it. An ignored signal stays ignored in all processes below the one that is started here.
"""

from __future__ import annotations

import functools
import os
import signal

from tune_asr.search.interrupts import SIGNALS


@functools.cache
def spare_children() -> None:
    """Let the children of this process ignore SIGUSR1.

    They also take the signals that this process holds back while Ray starts.
    """
    os.register_at_fork(after_in_child=_take_signals)


def _take_signals() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
