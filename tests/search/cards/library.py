"""NVIDIA's management library, made up: the functions that `Nvml` calls, over a list of GPUs."""

from __future__ import annotations

from dataclasses import dataclass

GB = 2**30


@dataclass(frozen=True)
class Gpu:
    """GPU or part of one; handles are places in a list."""

    name: str
    uuid: str
    total: int
    used: int = 0
    busy: int = 0
    parts: tuple[int, ...] = ()
    """Handles of its parts."""
    is_lost: bool = False


class Library:
    """Library with whole GPUs first, then their parts."""

    def __init__(self, whole: int, gpus: list[Gpu]) -> None:
        self.whole, self.gpus = whole, gpus

    def nvmlDeviceGetCount_v2(self, count):
        count._obj.value = self.whole
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        if self.gpus[index.value].is_lost:
            return 15
        handle._obj.value = index.value + 1  # a handle is not null
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid, handle):
        found = [place for place, gpu in enumerate(self.gpus) if gpu.uuid.encode() == uuid.value]
        if not found:
            return 6
        handle._obj.value = found[0] + 1
        return 0

    def nvmlDeviceGetMaxMigDeviceCount(self, handle, count):
        count._obj.value = 7
        return 0

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, place, part):
        parts = self._of(handle).parts
        if place.value >= len(parts):
            return 6
        part._obj.value = parts[place.value] + 1
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle, memory):
        gpu = self._of(handle)
        memory._obj.total, memory._obj.used, memory._obj.free = gpu.total, gpu.used, gpu.total - gpu.used
        return 0

    def nvmlDeviceGetName(self, handle, buffer, size):
        buffer.value = self._of(handle).name.encode()
        return 0

    def nvmlDeviceGetUUID(self, handle, buffer, size):
        buffer.value = self._of(handle).uuid.encode()
        return 0

    def nvmlDeviceGetUtilizationRates(self, handle, rates):
        if self._of(handle).uuid.startswith("MIG-"):
            return 3
        rates._obj.gpu = self._of(handle).busy
        return 0

    def _of(self, handle):
        return self.gpus[handle.value - 1]


TWO = Library(2, [Gpu("H100", "GPU-aa11", 80 * GB, used=20 * GB, busy=85), Gpu("T4", "GPU-bb22", 16 * GB)])
DIVIDED = Library(
    1,
    [
        Gpu("H100", "GPU-aa11", 80 * GB, parts=(1, 2)),
        Gpu("H100 MIG 3g.40gb", "MIG-11", 40 * GB),
        Gpu("H100 MIG 3g.40gb", "MIG-22", 40 * GB),
    ],
)
