"""Packing of a GPU, measured with trainings in Ray before the first trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tune_asr.errors import TuneAsrError
from tune_asr.search.cards.packing import MOST, Packing, Room, trials_a_card
from tune_asr.search.cards.placement import Placement
from tune_asr.search.cards.shares import share_of
from tune_asr.search.foresight import chosen_settings, settings_of_space
from tune_asr.search.ray import nodes
from tune_asr.search.ray.crowd import crowd
from tune_asr.search.ray.timing import Values, measure_sizes
from tune_asr.space.plan import Plan


def packed(
    plan: Plan, placement: Placement, have: Sequence[tuple[float, float]], on_wait: Callable[[], None]
) -> Packing:
    """Measure how many trials on a GPU pay.

    Args:
        plan: space and base configuration.
        placement: placement of one trial a GPU.
        have: CPUs and GPUs of each node.
        on_wait: callback while it waits; an error that it raises leaves this function.

    Raises:
        TuneAsrError: no setting can be trained.
        ClusterError: Ray was lost.
    """
    node = nodes.gpu_node()
    assert node is not None, "a placement on GPUs has a node with one"
    by_cpus, wanted = bounds(placement, have)
    error: TuneAsrError | None = None
    for values in _largest_first(plan, placement, on_wait):
        share = share_of(max(1, min(by_cpus, wanted or MOST, MOST)))
        with crowd(values, placement.cpus, share, node, on_wait) as trainings:
            try:
                first = trainings.first()
            except TuneAsrError as found:
                error = error or found
                continue
            return trials_a_card(Room(first.free_bytes, first.need, by_cpus, wanted), trainings.rate)
    assert error is not None, "there is at least one setting"
    raise error


def bounds(placement: Placement, have: Sequence[tuple[float, float]]) -> tuple[int, int | None]:
    """Return the trials a GPU by CPUs, and by `max_concurrent`.

    Args:
        placement: placement of one trial a GPU.
        have: CPUs and GPUs of each node.
    """
    by_cpus = max(int(cpus / placement.cpus / gpus + 1e-9) for cpus, gpus in have if gpus)
    if placement.wanted == "auto":
        return by_cpus, None
    return by_cpus, -(-placement.wanted // max(1, round(sum(gpus for _, gpus in have))))


def _largest_first(plan: Plan, placement: Placement, on_wait: Callable[[], None]) -> list[Values]:
    """Return the largest setting of the space, and the base."""
    everyone = settings_of_space(plan)
    sizes = measure_sizes(everyone, placement.resources, on_wait).parameters
    ordered = sorted(chosen_settings(sizes), key=lambda index: -sizes[index])
    return [everyone[index] for index in dict.fromkeys([ordered[0], 0])]
