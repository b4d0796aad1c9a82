"""Failures of a GPU: why did it fail, and what can be done.

Errors of CUDA differ in their text alone. Patterns are those of torch 2.8 to 2.14 and of the CUDA runtime.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

import torch

from tune_asr.errors import CardError, DeviceError, SettingError, TuneAsrError
from tune_asr.training.device import ON_THE_CPU, VISIBLE, unsupported, why_none
from tune_asr.wording import first_line

_FREE_IT = f"`nvidia-smi` shows the programs on it. End them, or choose another GPU with {VISIBLE}."
_REPAIR = f"Look at the GPU with `nvidia-smi` and `dmesg`. If it stays lost, leave it out with {VISIBLE}; then resume."
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_GIGABYTE = 2**30


class CardFault(Enum):
    """Kind of a failure on a GPU."""

    FULL = auto()
    """Memory is too small."""
    LOST = auto()
    """The GPU stopped in the middle; another process may still use it."""
    UNSUPPORTED = auto()
    """This torch was not built for it."""
    MISSING = auto()
    """There is none, or the driver does not fit torch."""


_FAULTS = {
    CardFault.FULL: r"CUDA out of memory|CUDA error: out of memory"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED",
    CardFault.UNSUPPORTED: r"no kernel image is available|device kernel image is invalid|unsupported toolchain",
    CardFault.MISSING: r"No CUDA GPUs are available|Found no NVIDIA driver|NVIDIA driver on your system is too old"
    r"|not compiled with CUDA enabled|no CUDA-capable device is detected|driver version is insufficient",
    # An assertion in a kernel is a mistake of the code, which a training on a CPU explains.
    CardFault.LOST: r"CUDA (driver )?error: (?!device-side assert)|CUBLAS_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR)"
    r"|CUDNN_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR)",
}
"""Patterns of each kind, searched in this order."""


def fault_of(error: BaseException) -> CardFault | None:
    """Return the kind of a failure, None for others."""
    text = str(error)
    if not isinstance(error, RuntimeError | AssertionError) or isinstance(error, TuneAsrError):
        return None
    return next((fault for fault, pattern in _FAULTS.items() if re.search(pattern, text)), None)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Numbers in torch's message that memory ran out, in bytes."""

    asked: int
    allocated: int
    """Memory of tensors of this process."""
    total: int
    free: int
    others: int
    """Memory of other processes."""

    @classmethod
    def of(cls, text: str) -> Shortage | None:
        """Read a message; return None if it has no numbers."""
        asked = _bytes(r"Tried to allocate ([\d.]+) (\w+)", text)
        total = _bytes(r"total capacity of ([\d.]+) (\w+)", text)
        if asked is None or total is None:
            return None
        free = _bytes(r"of which ([\d.]+) (\w+) is free", text) or 0
        allocated = _bytes(r"Of the allocated memory ([\d.]+) (\w+) is allocated", text) or 0
        own = _bytes(r"this process has ([\d.]+) (\w+) memory in use", text)
        named = re.findall(r"Process \d+ has ([\d.]+) (\w+) memory in use", text)
        others = sum(int(float(number) * _UNITS.get(unit, 0)) for number, unit in named)
        return cls(asked, allocated, total, free, others or max(0, total - free - (own or allocated)))

    @property
    def need(self) -> float:
        """Part of the GPU's memory that the training asked for."""
        return (self.asked + self.allocated) / self.total

    @property
    def is_of_others(self) -> bool:
        """True if it would have had room without other processes."""
        return self.asked <= self.free + self.others and self.others > 0.05 * self.total


def _bytes(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text)
    return int(float(found[1]) * _UNITS.get(found[2], 0)) if found else None


class TooLittleMemory(SettingError):
    """Batch too large for the memory that is there."""

    shortage: Shortage | None = None


def too_little_memory(batch: str, error: Exception) -> TooLittleMemory:
    """Return the error of a batch too large for memory.

    Args:
        batch: the batch, as the subject of a sentence.
        error: error of torch.
    """
    found = TooLittleMemory(
        f"{batch} does not fit in memory ({str(error).partition('.')[0]})",
        hint="Lower data.batch_size, data.max_frames_in_batch or data.max_seconds, and raise "
        "trainer.accumulate_grad_batches instead.",
    )
    found.shortage = Shortage.of(str(error))
    return found


def filled_by_others(error: TooLittleMemory) -> CardError | None:
    """Return the error of a GPU that other programs fill.

    None if the batch would not fit without them either.
    """
    shortage = error.shortage
    if shortage is None or not shortage.is_of_others:
        return None
    held, total = shortage.others / _GIGABYTE, shortage.total / _GIGABYTE
    return CardError(f"the GPU is full: other programs hold {held:.1f} of its {total:.1f} GB", hint=_FREE_IT)


def card_error(error: BaseException) -> TuneAsrError | None:
    """Return the user's error for a failure of a GPU.

    None for any other.
    """
    said = first_line(error)
    match fault_of(error):
        case CardFault.FULL:
            if isinstance(error, torch.OutOfMemoryError):
                return too_little_memory("a batch", error)
            return CardError(f"the GPU is full: {said}", hint=_FREE_IT)
        case CardFault.LOST:
            return CardError(f"the GPU failed: {said}", hint=_REPAIR)
        case CardFault.UNSUPPORTED:
            return unsupported()
        case CardFault.MISSING:
            return DeviceError(f"no GPU can be used: {why_none()}", hint=ON_THE_CPU)
    return None
