"""GPUs of a trial: those that Ray gave it, and no others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tune_asr.search.cards.card import VISIBLE
from tune_asr.search.cards.placement import Placement

if TYPE_CHECKING:
    from ray.tune import PlacementGroupFactory

_GPUS, _MEMORY = "gpus", "gpu_bytes"
"""Keys of a Tune config."""


@dataclass(frozen=True, slots=True)
class Share:
    """Part of the GPUs for one trial."""

    gpus: float
    """Number of GPUs, or part of one."""
    memory_bytes: int | None = None
    """Largest memory of its tensors, None for any."""

    @classmethod
    def of(cls, placement: Placement, room: float | None = None) -> Share:
        """Return the share of a trial.

        Args:
            placement: slots of the search.
            room: larger share of a trial that ran out of memory.
        """
        limit = placement.packing.memory_bytes if placement.packing else None
        if room is None:
            return cls(placement.gpus, limit)
        if limit is not None:
            limit = None if room >= 1 else int(limit * room / placement.gpus)
        return cls(room, limit)

    def to_config(self) -> dict[str, str]:
        """Return keys of a Tune config."""
        return {_GPUS: repr(self.gpus), _MEMORY: "" if self.memory_bytes is None else str(self.memory_bytes)}

    @classmethod
    def from_config(cls, config: Mapping[str, str]) -> Share:
        """Return the inverse of `to_config`."""
        return cls(float(config[_GPUS]), int(config[_MEMORY]) if config[_MEMORY] else None)


def request(config: Mapping[str, str], cpus: float) -> PlacementGroupFactory:
    """Return a trial's request to Ray.

    Args:
        config: Tune config of the trial.
        cpus: CPUs of a trial.
    """
    from ray.tune import PlacementGroupFactory

    gpus = Share.from_config(config).gpus
    return PlacementGroupFactory([{"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}])


_used: list[str] = []
"""GPUs that this process may have opened, as CUDA reads them."""


def use_gpus(ids: Sequence[int | str]) -> None:
    """Let CUDA see only the given GPUs.

    Ray itself lets a trial without a GPU see all of them. CUDA reads the variable once, so a process keeps to the GPUs
    that it was given first.

    Raises:
        RuntimeError: the process was given other GPUs before; a fresh one will do.
    """
    visible = ",".join(map(str, ids))
    if _used and _used != [visible]:
        raise RuntimeError(f"this process has had the GPUs {_used[0] or 'none'}, and cannot use {visible or 'none'}")
    _used[:] = [visible]
    os.environ[VISIBLE] = visible
    # CUDA's own order begins with the fastest GPU. `nvidia-smi` and NVML, which names the device, have that of the bus.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
