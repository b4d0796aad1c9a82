"""Memory of a training on its GPU: what is there, what is used, and its limit."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of the GPU of this process, in bytes."""

    total_bytes: int
    free_bytes: int
    reserved_bytes: int
    """Memory that torch holds for tensors."""
    peak_bytes: int
    """Most of it so far."""


def memory_beside() -> Memory | None:
    """Return the memory of the GPU, None on a CPU."""
    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    return Memory(total, free, torch.cuda.memory_reserved(), torch.cuda.max_memory_reserved())


def limit_memory(limit: int | None) -> None:
    """Limit the tensors of this process on its GPU.

    Args:
        limit: number of bytes, None for all.
    """
    if torch.cuda.is_available():
        total = torch.cuda.mem_get_info()[1]
        torch.cuda.set_per_process_memory_fraction(1.0 if limit is None else min(1.0, limit / total))


def most_memory(device: torch.device) -> int:
    """Return the most bytes that tensors may take here.

    It is what this process holds and what is free, within `limit_memory`; more is for its neighbours.
    """
    free, total = torch.cuda.mem_get_info(device)
    allowed = int(torch.cuda.get_per_process_memory_fraction(device) * total)
    return min(torch.cuda.memory_reserved(device) + free, allowed)
