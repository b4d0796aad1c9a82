"""Trainings that share a GPU: their memory, and their steps a second together.

Each is a process of Ray that has a share of one GPU, as a trial would have. They wait until all are warm, and then
train for the same seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tune_asr.errors import TuneAsrError
from tune_asr.search.cards.nvml import this_machine
from tune_asr.search.cards.packing import Need
from tune_asr.search.messages import Failed
from tune_asr.search.ray.timing import Values, enter, gathered
from tune_asr.search.surroundings import Surroundings

if TYPE_CHECKING:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

WARM_SECONDS = 20.0
"""Time of the short training that warms a process up."""
LEAD_SECONDS = 2.0
"""Time in which all begin to train."""
WINDOW_SECONDS = 4.0
"""Time in which steps are counted."""


@dataclass(frozen=True, slots=True)
class Warm:
    """Memory of a GPU beside one training."""

    need: Need
    free_bytes: int | None
    """Free memory before the process opened the GPU; None on a CPU."""


class Member:
    """One training, in a process of its own.

    Args:
        values: configuration as plain values.
        here: surroundings of the driver.
    """

    def __init__(self, values: Values, here: Surroundings) -> None:
        self._values = values
        enter(here)

    def warm(self) -> Warm | Failed:
        """Train a little; return the memory."""
        from tune_asr.training.memory import memory_beside
        from tune_asr.training.timing import measure

        card = next(iter(this_machine().cards), None)
        try:
            cost = measure(self._values, WARM_SECONDS)
        except TuneAsrError as error:
            return Failed.of(error)
        beside = memory_beside()
        if beside is None:
            return Warm(Need(0, 0), None)
        before = card.free_bytes if card else beside.total_bytes
        context = max(0, before - beside.free_bytes - beside.reserved_bytes)
        return Warm(Need(max(cost.gpu_bytes, beside.peak_bytes), context), before)

    def clock(self) -> float:
        """Return the time of this node."""
        return time.monotonic()

    def steps(self, begin: float, end: float) -> int:
        """Train until `end`; return the steps since `begin`.

        They are 0 if the GPU is too small for all.
        """
        from tune_asr.training.timing import steps_between

        try:
            return steps_between(self._values, begin, end)
        except TuneAsrError:
            return 0


class Crowd:
    """Trainings on one GPU, more with each call.

    Args:
        values: configuration as plain values.
        cpus: CPUs of each.
        share: GPUs of each.
        where: node of the GPU.
        on_wait: callback while it waits; an error that it raises leaves the method.
    """

    def __init__(
        self,
        values: Values,
        cpus: float,
        share: float,
        where: NodeAffinitySchedulingStrategy,
        on_wait: Callable[[], None],
    ) -> None:
        self._values, self._on_wait = values, on_wait
        self._options = {"num_cpus": cpus, "num_gpus": share, "scheduling_strategy": where}
        self._members: list[Any] = []

    def first(self) -> Warm:
        """Return the memory of one training.

        Raises:
            TuneAsrError: it cannot be trained.
            ClusterError: Ray was lost.
        """
        [found] = self._grow(1)
        if isinstance(found, Failed):
            raise found.to_error()
        return found

    def rate(self, trials: int) -> float:
        """Return the steps a second of so many trainings together.

        It is 0 if one of them fails.

        Raises:
            ClusterError: Ray was lost.
        """
        if any(isinstance(found, Failed) for found in self._grow(trials)):
            return 0.0
        [now] = gathered([self._members[0].clock.remote()], self._on_wait)
        begin = now + LEAD_SECONDS
        asked = [member.steps.remote(begin, begin + WINDOW_SECONDS) for member in self._members]
        steps: list[int] = gathered(asked, self._on_wait)
        return sum(steps) / WINDOW_SECONDS if all(steps) else 0.0

    def _grow(self, trials: int) -> list[Warm | Failed]:
        import ray

        kind: Any = ray.remote(Member).options(**self._options)
        new = [kind.remote(self._values, Surroundings.here()) for _ in range(trials - len(self._members))]
        self._members += new
        return gathered([member.warm.remote() for member in new], self._on_wait)

    def end(self) -> None:
        """End all processes."""
        import ray

        for member in self._members:
            ray.kill(member)


@contextmanager
def crowd(values: Values, cpus: float, share: float, node: str, on_wait: Callable[[], None]) -> Iterator[Crowd]:
    """Yield a crowd that ends with the block.

    Args:
        values: configuration as plain values.
        cpus: CPUs of each training.
        share: GPUs of each training.
        node: Ray's id of the node with the GPU.
        on_wait: callback while it waits.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    found = Crowd(values, cpus, share, NodeAffinitySchedulingStrategy(node, soft=False), on_wait)
    try:
        yield found
    finally:
        found.end()
