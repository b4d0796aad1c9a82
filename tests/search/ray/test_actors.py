"""Actors killed for their memory, as Tune's manager sees them."""

import pytest
import ray
from ray.air.execution._internal import RayActorManager
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayActorError
from ray.tune.execution import tune_controller

from tune_asr.search.ray.actors import ActorManager, memory_kills_as_deaths


class Actor:
    """Tracked actor, with the errors of its callbacks."""

    actor_id = 1

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def _on_error(self, _actor: object, error: Exception) -> None:
        self.errors.append(error)


class Resources:
    """Resources of one actor; Ray's own managers would start a Ray."""

    def __init__(self) -> None:
        self.freed: list[str] = []

    def free_resources(self, acquired_resource: str) -> None:
        self.freed.append(acquired_resource)


def fail(manager_class: type[RayActorManager], error: Exception) -> list[Exception]:
    """Let the task of an actor fail; return its errors."""
    resources, actor = Resources(), Actor()
    manager = manager_class(resource_manager=resources)
    manager._live_actors_to_ray_actors_resources[actor] = (None, "a CPU")
    manager._actor_task_failed(TrackedActorTask(actor, on_error=actor._on_error), error)
    assert manager.num_live_actors == 0
    assert resources.freed == ["a CPU"]
    assert not ray.is_initialized()
    return actor.errors


def test_memory_kill_is_death_of_one_actor():
    """Actor and task get its text, and resources are freed."""
    errors = fail(ActorManager, OutOfMemoryError("the node running low on memory"))
    assert [type(error) for error in errors] == [RayActorError] * 2
    assert {str(error) for error in errors} == {"the node running low on memory"}


def test_memory_kill_ends_plain_tune():
    """Tune raises; if it stops doing so, `ActorManager` can go."""
    with pytest.raises(RuntimeError, match="low on memory"):
        fail(RayActorManager, OutOfMemoryError("low on memory"))


def test_other_errors_stay_tunes():
    with pytest.raises(RuntimeError, match="gone"):
        fail(ActorManager, NodeDiedError("gone"))


def test_tune_uses_manager_within_block():
    """Tune's controller still looks its manager up under this name."""
    with memory_kills_as_deaths():
        assert tune_controller.RayActorManager is ActorManager
        assert "RayActorManager" in tune_controller.TuneController.__init__.__code__.co_names
    assert tune_controller.RayActorManager is RayActorManager
