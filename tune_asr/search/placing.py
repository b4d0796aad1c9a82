"""Places of the trials of a search on the nodes of its Ray."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tune_asr.errors import ConfigError
from tune_asr.search.cards.card import Machine
from tune_asr.search.cards.mistakes import too_few
from tune_asr.search.cards.nvml import this_machine
from tune_asr.search.cards.packing import Packing
from tune_asr.search.cards.placement import GpusPerTrial, Placement
from tune_asr.search.cards.shares import slots_of
from tune_asr.search.packed import packed
from tune_asr.search.ray import nodes
from tune_asr.space.plan import Plan
from tune_asr.wording import count

Node = tuple[float, float]
"""CPUs and GPUs of a node."""


def place(plan: Plan, address: str | None, on_wait: Callable[[], None]) -> Placement:
    """Return slots, and the resources of each trial.

    Args:
        plan: space and base configuration.
        address: address of the cluster, None for a local Ray.
        on_wait: callback while trials on one GPU are timed; an error that it raises leaves this function.

    Raises:
        ConfigError: no trial fits on any node, or there is no GPU to pack.
        TuneAsrError: no setting can be trained.
    """
    have = nodes.capacity()
    machine = Machine()
    if address is None:
        machine = this_machine()
    elif node := nodes.gpu_node():
        machine = nodes.gpus_of(node)
    placement = placed(plan, have, machine)
    if placement.asked != "pack":
        return placement
    return placed(plan, have, machine, packed(plan, placement, have, on_wait))


def placed(plan: Plan, have: Sequence[Node], machine: Machine, packing: Packing | None = None) -> Placement:
    """Return the placement on some nodes.

    Args:
        plan: space and base configuration.
        have: CPUs and GPUs of each node.
        machine: GPUs of a node that has some.
        packing: measured number of trials on a GPU; without it, `pack` is one.

    Raises:
        ConfigError: no trial fits on any node, or there is no GPU to pack.
    """
    resources, wanted = plan.space.resources, plan.space.search.max_concurrent
    cpus, asked = resources.cpus_per_trial, resources.gpus_per_trial
    any_gpu = any(gpus for _, gpus in have)
    share = float(any_gpu) if isinstance(asked, str) else float(asked)
    if packing:
        share = packing.share
    fitting = sum(slots_of(theirs, gpus, cpus, share) for theirs, gpus in have)
    if fitting < 1 or (asked == "pack" and not any_gpu):
        raise _nothing_fits(have, machine, cpus, 1.0 if asked == "pack" else share, asked)
    slots = fitting if wanted == "auto" else min(fitting, wanted)
    return Placement(slots, cpus, share, asked, fitting, wanted, machine, packing)


def _nothing_fits(
    have: Sequence[Node], machine: Machine, cpus: float, share: float, asked: GpusPerTrial
) -> ConfigError:
    offered = ", ".join(f"{count(theirs, 'CPU')} and {count(gpus, 'GPU')}" for theirs, gpus in have)
    what = f"a trial needs {count(cpus, 'CPU')} and {count(share, 'GPU')}, but Ray's nodes have {offered}"
    if not share or any(gpus for _, gpus in have):
        return ConfigError(what, hint="Lower resources.cpus_per_trial or resources.gpus_per_trial.")
    if machine.are_hidden:
        return too_few(asked, machine)
    return ConfigError(what, hint="Set resources.gpus_per_trial to auto, which needs no GPU.")
