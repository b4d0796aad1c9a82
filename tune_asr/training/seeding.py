"""Seeds derived from names and numbers, never from the state of a process.

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
    """A seed in [0, 2**63) out of numbers and names; `1` and `"1"` are different parts."""
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """A generator on the CPU, seeded by `derive_seed`."""
    return torch.Generator().manual_seed(derive_seed(*parts))


def seed_everything_for(*parts: int | str) -> None:
    """Seed the global generators of torch (every device), numpy and Python.

    Called at each batch's start with (seed, epoch, batch): dropout and masks then do not depend on what came before.
    """
    seed = derive_seed(*parts)
    torch.default_generator.manual_seed(seed)
    # torch.manual_seed also notes the stack for each kind of device that is not there: a hundredth of a step.
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # numpy's legacy generator takes 32 bits
    random.seed(seed)
