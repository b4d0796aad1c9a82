"""CPUs and GPUs of a local Ray."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tune_asr.search.cards.card import usable_parts
from tune_asr.search.cards.nvml import this_machine
from tune_asr.search.cards.shares import trials_on_all
from tune_asr.space.sections import SpaceFile

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class LocalRay:
    """Size of a local Ray."""

    cpus: int | None = None
    """Limit of its CPUs, None for those of the machine."""
    gpus: int | None = None
    """Its GPUs; None if Ray counts right itself."""

    @classmethod
    def of(cls, space: SpaceFile) -> Self:
        """Return the size that trials of a space use."""
        machine = this_machine()
        return cls(needed_cpus(space, len(machine.cards)), usable_parts(machine))


def usable_cpus(cgroups: Path = CGROUPS) -> int:
    """Count the CPUs of this process, within its container's quota.

    Args:
        cgroups: folder of the kernel's control groups.
    """
    bound = len(os.sched_getaffinity(0))
    quota = _quota(cgroups)
    return bound if quota is None else max(1, int(min(bound, quota)))


def needed_cpus(space: SpaceFile, num_gpus: int) -> int | None:
    """Count the CPUs of all trials at once.

    None stands for all there are. Ray starts a worker for each CPU that it is given, and each imports torch: with 64
    CPUs and one GPU, 63 of them for nothing.

    Args:
        space: concurrency and resources of its trials.
        num_gpus: GPUs of this machine that are known.
    """
    at_once, asked = space.search.max_concurrent, space.resources.gpus_per_trial
    bounds = [] if isinstance(at_once, str) else [at_once]
    if num_gpus and asked and asked != "pack":
        bounds.append(max(1, trials_on_all(num_gpus, 1.0 if isinstance(asked, str) else asked)))
    return math.ceil(min(bounds) * space.resources.cpus_per_trial) if bounds else None


def _quota(cgroups: Path) -> float | None:
    """Return the container's quota in CPUs, None without one."""
    first = cgroups / "cpu"
    if (first / "cpu.cfs_quota_us").exists():
        fields = [first / "cpu.cfs_quota_us", first / "cpu.cfs_period_us"]
    else:
        fields = [cgroups / "cpu.max"]
    with suppress(OSError, ValueError, ZeroDivisionError):  # no quota is set, or none that can be read
        quota, period = map(float, " ".join(path.read_text(encoding="ascii") for path in fields).split())
        return quota / period if quota >= 0 else None
    return None
