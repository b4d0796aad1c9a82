"""Silent workers: their end on the node that runs them, and slots that they keep."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import ray
from ray.tune.experiment import Trial
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tune_asr.record.events import Report
from tune_asr.search.messages import Here, Message
from tune_asr.search.silence import Silence, TooSilent

LOOK_SECONDS = 1.0
_TITLE = b"ray::"
"""First characters of the command line of each worker. A process of the same id that has none is another one."""


class SilenceWatch:
    """Watch over the workers of a search, and their kills.

    Args:
        minutes: longest silence, or `auto`.
        longest_epoch: seconds of the longest epoch so far.
        say: function that prints a line.
    """

    def __init__(self, minutes: float | Literal["auto"], longest_epoch: float, say: Callable[[str], None]) -> None:
        self._silence = Silence(minutes, longest_epoch, time.monotonic())
        self._say = say
        self._looked = 0.0
        self._causes: dict[str, str] = {}
        self._asked: list[ray.ObjectRef[None]] = []
        self.lost_slots = 0
        """Slots of processes that outlive their kill."""

    def heard(self, trial: str, message: Message) -> None:
        """Note a message of a worker."""
        match message:
            case Here():
                self._silence.met(trial, message.process, message.node)
            case Report():
                self._silence.heard(trial, message.seconds or 0.0)
            case _:
                self._silence.heard(trial)

    def ended(self, trial: str) -> str | None:
        """Forget a worker; return the cause of its kill."""
        self._silence.ended(trial)
        return self._causes.pop(trial, None)

    def look(self, trials: Mapping[str, Trial]) -> list[TooSilent]:
        """Kill silent workers; return those that outlive it.

        Args:
            trials: Tune's trials in the hands of workers, by number.
        """
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return []
        self._looked = time.monotonic()
        running = [number for number, trial in trials.items() if trial.status == Trial.RUNNING]
        given_up = []
        for found in self._silence.look(running, self._looked):
            lost = "" if found.what == "kill" else "; its slot is given up"
            self._say(f"{found.trial}  silent    {found.cause}{lost}")
            if found.what == "kill":
                self._causes[found.trial] = found.cause
                self._kill(found, trials[found.trial])
            else:
                self.ended(found.trial)
                self.lost_slots += 1
                given_up.append(found)
        return given_up

    def _kill(self, found: TooSilent, trial: Trial) -> None:
        pid = int(found.held.process.rpartition(":")[2] or 0)
        if not pid:  # it hangs before its first word, and Ray alone knows it
            if (actor := trial.temporary_state.ray_actor) is not None:
                ray.kill(actor)
        elif found.held.node == ray.get_runtime_context().get_node_id():
            kill_worker(pid)
        else:
            there = NodeAffinitySchedulingStrategy(found.held.node, soft=False)
            self._asked.append(_remote(kill_worker, scheduling_strategy=there).remote(pid))


def _remote(function: Callable[[int], None], **options: Any) -> Any:
    return ray.remote(num_cpus=0)(function).options(**options)


def kill_worker(pid: int) -> None:
    """Kill a worker on this node.

    A process that another program has started since under the same id is left alone.
    """
    with suppress(OSError):
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_TITLE):
            os.kill(pid, signal.SIGKILL)
