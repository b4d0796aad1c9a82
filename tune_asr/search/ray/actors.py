"""Actor manager of Ray Tune that survives killed workers.

Ray's memory monitor ends a worker with `OutOfMemoryError`. Tune expects `RayActorError` there and raises for any other,
so that `Tuner.fit()` and with it every trial would end. Tune has no setting for this: its manager is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ray.air.execution._internal import RayActorManager
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.tune.execution import tune_controller


class ActorManager(RayActorManager):
    """Manager that takes a kill for memory as a death."""

    def _actor_task_failed(self, tracked_actor_task: TrackedActorTask, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = RayActorError(error_msg=str(exception))
        super()._actor_task_failed(tracked_actor_task, exception)


@contextmanager
def memory_kills_as_deaths() -> Iterator[None]:
    """Let Tune use `ActorManager` within this block."""
    name = "RayActorManager"
    assert getattr(tune_controller, name, None) is RayActorManager, f"Ray Tune has no {name} to replace any more"
    setattr(tune_controller, name, ActorManager)
    try:
        yield
    finally:
        setattr(tune_controller, name, RayActorManager)
