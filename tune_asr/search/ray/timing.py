"""Cost of some settings of a space, measured in processes of Ray before the first trial."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tune_asr.errors import TuneAsrError
from tune_asr.search.messages import Failed
from tune_asr.search.surroundings import Surroundings

if TYPE_CHECKING:
    import ray

    from tune_asr.training.timing import Cost

LOOK_SECONDS = 0.2
Values = Mapping[str, Any]
"""Configuration as plain values."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Parameters of each configuration, and seconds of the start."""

    parameters: list[int]
    ready_seconds: float


def measure_sizes(
    configurations: Sequence[Values], resources: Mapping[str, float], on_wait: Callable[[], None]
) -> Sizes:
    """Count the parameters of configurations.

    Args:
        configurations: configurations, the base first.
        resources: CPUs and GPUs of a trial.
        on_wait: callback while it waits; an error that it raises leaves this function.

    Raises:
        TuneAsrError: the base cannot be built.
        ClusterError: Ray was lost.
    """
    began = time.monotonic()
    [(parameters, seconds)] = _run([(_count, (list(configurations), Surroundings.here()))], resources, on_wait)
    if isinstance(parameters, Failed):
        raise parameters.to_error()
    return Sizes(parameters, max(0.0, time.monotonic() - began - seconds))


def measure_costs(
    configurations: Sequence[Values], seconds: float, resources: Mapping[str, float], on_wait: Callable[[], None]
) -> list[Cost | TuneAsrError]:
    """Measure the costs of configurations, some at a time.

    Args:
        configurations: configurations as plain values.
        seconds: time after which a slow one is left.
        resources: CPUs and GPUs of a trial.
        on_wait: callback while it waits; an error that it raises leaves this function.

    Raises:
        ClusterError: Ray was lost.
    """
    here = Surroundings.here()
    found = _run([(_measure, (values, seconds, here)) for values in configurations], resources, on_wait)
    return [cost.to_error() if isinstance(cost, Failed) else cost for cost in found]


def _run(
    calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]],
    resources: Mapping[str, float],
    on_wait: Callable[[], None],
) -> list[Any]:
    import ray

    cpus, gpus = resources["cpu"], resources["gpu"]
    return gathered(
        [
            ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(function).remote(*arguments)
            for function, arguments in calls
        ],
        on_wait,
    )


def gathered(asked: Sequence[ray.ObjectRef[Result]], on_wait: Callable[[], None]) -> list[Result]:
    """Return answers of processes of Ray, once all are there.

    Args:
        asked: references to the answers.
        on_wait: callback while it waits; an error that it raises leaves this function.

    Raises:
        ClusterError: Ray was lost, or a process hangs.
    """
    import ray
    from ray.exceptions import RayError

    from tune_asr.errors import ClusterError
    from tune_asr.search.silence import FIRST_SECONDS
    from tune_asr.wording import duration, first_line

    try:
        ready, heard = 0, time.monotonic()
        while ready < len(asked):
            before, ready = ready, len(ray.wait(list(asked), num_returns=len(asked), timeout=LOOK_SECONDS)[0])
            heard = time.monotonic() if ready > before else heard
            if time.monotonic() - heard > FIRST_SECONDS:
                raise ClusterError(
                    f"the timing of settings has said nothing for {duration(FIRST_SECONDS)}: a process hangs",
                    hint="Look at the disks of the data and of the results.",
                )
            on_wait()
        return list(ray.get(list(asked)))
    except RayError as error:
        raise ClusterError(f"the timing of settings was lost: {first_line(error)}") from error


def enter(here: Surroundings) -> None:
    """Give this process its GPUs, and the driver's surroundings."""
    import ray

    from tune_asr.search.ray.share import use_gpus

    use_gpus(ray.get_gpu_ids())
    here.enter()


def _count(configurations: list[Values], here: Surroundings) -> tuple[list[int] | Failed, float]:
    """Count parameters; return them with the seconds beyond loading."""
    enter(here)
    from tune_asr.config.load import from_values
    from tune_asr.training.data import load_data
    from tune_asr.training.timing import parameters

    try:
        data = load_data(from_values(configurations[0], "the base"))
    except TuneAsrError as error:
        return Failed.of(error), 0.0
    began = time.monotonic()
    return parameters(configurations, data), time.monotonic() - began


def _measure(values: Values, seconds: float, here: Surroundings) -> Cost | Failed:
    enter(here)
    from tune_asr.training.timing import measure

    try:
        return measure(values, seconds)
    except TuneAsrError as error:
        return Failed.of(error)
