"""Seeds derived from names and numbers, never from process state.

A draw that depends on (seed, epoch, item) alone is the same draw after a kill, on another machine and in a process
that trained something else before. Nothing here reads a clock, an address or a random generator.
"""

from __future__ import annotations

import hashlib
import json
import random

import numpy as np
import torch


def derive_seed(*parts: int | str) -> int:
    """Derive a seed, below 2**63, from numbers and names.

    `1` and `"1"` give different seeds.
    """
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """Return a generator on the CPU, seeded by `derive_seed`."""
    return torch.Generator().manual_seed(derive_seed(*parts))


def seed_everything_for(*parts: int | str) -> None:
    """Seed the global generators of torch, numpy and Python.

    Called at each batch's start with (seed, epoch, batch): dropout and masks then depend on nothing else.
    """
    seed = derive_seed(*parts)
    torch.default_generator.manual_seed(seed)
    # torch.manual_seed also records a stack trace for each kind of absent device: a hundredth of a step.
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # numpy's legacy generator takes 32 bits
    random.seed(seed)
