"""GPUs of this machine, from NVIDIA's management library (NVML).

It comes with the driver and opens no GPU: a process that reads it may still be given any of them. Without a driver
there are no GPUs.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import byref, c_char, c_uint, c_ulonglong, c_void_p
from dataclasses import replace
from pathlib import Path
from typing import Any

from tune_asr.search.cards.card import VISIBLE, Card, Machine, chosen

_LIBRARIES = ("libnvidia-ml.so.1", "nvml.dll")
_TEXT_BYTES = 96
_OF_AMD = Path("/dev/kfd")
_RAYS_OWN = "RAY_OVERRIDE_RESOURCES"
"""Resources that Ray takes for those of the machine."""


class NvmlError(OSError):
    """Call of NVML that failed."""


class _Memory(ctypes.Structure):
    _fields_ = (("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong))


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", c_uint), ("memory", c_uint))


class Nvml:
    """Open NVML.

    Args:
        library: library with NVML's functions.
    """

    def __init__(self, library: Any) -> None:
        self._library = library

    def machine(self, visible: str | None) -> Machine:
        """Return the GPUs of this machine.

        Args:
            visible: value of `CUDA_VISIBLE_DEVICES`, None for all.
        """
        whole, parts = list[Card](), list[Card]()
        for index in range(self._count()):
            with suppress(NvmlError):  # a GPU that has fallen off the bus
                handle = self._handle(index)
                inside = list(self._parts(handle, index))
                whole.append(self._card(handle, index, len(inside)))
                parts += inside
        return Machine(chosen(visible, [*whole, *parts]), len(whole), visible)

    def busy_percent(self, uuid: str) -> float | None:
        """Return the busy share of the last moments, in percent.

        Returns:
            None for a part of a GPU, which has no such figure.
        """
        handle, found = c_void_p(), _Utilization()
        try:
            self._call("DeviceGetHandleByUUID", ctypes.c_char_p(uuid.encode()), byref(handle))
            self._call("DeviceGetUtilizationRates", handle, byref(found))
        except NvmlError:
            return None
        return float(found.gpu)

    def _call(self, function: str, *arguments: Any) -> None:
        try:
            code = getattr(self._library, f"nvml{function}")(*arguments)
        except AttributeError as error:
            raise NvmlError(f"nvml{function} is missing: the driver is old") from error
        if code:
            raise NvmlError(f"nvml{function} returned {code}")

    def _count(self) -> int:
        count = c_uint()
        self._call("DeviceGetCount_v2", byref(count))
        return count.value

    def _handle(self, index: int) -> c_void_p:
        handle = c_void_p()
        self._call("DeviceGetHandleByIndex_v2", c_uint(index), byref(handle))
        return handle

    def _parts(self, handle: c_void_p, index: int) -> Iterator[Card]:
        most = c_uint()
        with suppress(NvmlError):  # a GPU that cannot be divided
            self._call("DeviceGetMaxMigDeviceCount", handle, byref(most))
        for place in range(most.value):
            part = c_void_p()
            with suppress(NvmlError):  # places without a part
                self._call("DeviceGetMigDeviceHandleByIndex", handle, c_uint(place), byref(part))
                yield self._card(part, index, 0)

    def _card(self, handle: c_void_p, index: int, parts: int) -> Card:
        memory = _Memory()
        self._call("DeviceGetMemoryInfo", handle, byref(memory))
        name, uuid = self._text("DeviceGetName", handle), self._text("DeviceGetUUID", handle)
        return Card(name, uuid, index, memory.total, memory.free, parts)

    def _text(self, function: str, handle: c_void_p) -> str:
        buffer = (c_char * _TEXT_BYTES)()
        self._call(function, handle, buffer, c_uint(_TEXT_BYTES))
        return bytes(buffer.value).decode(errors="replace")


@contextmanager
def nvml() -> Iterator[Nvml | None]:
    """Open NVML; yield None without a driver."""
    library = next(filter(None, map(_loaded, _LIBRARIES)), None)
    if library is None or library.nvmlInit_v2():
        yield None
        return
    try:
        yield Nvml(library)
    finally:
        library.nvmlShutdown()


def this_machine() -> Machine:
    """Return the GPUs of this machine."""
    visible = os.environ.get(VISIBLE)
    found = Machine(visible=visible)
    with nvml() as opened, suppress(NvmlError):
        found = opened.machine(visible) if opened else found
    return replace(found, has_others=_RAYS_OWN in os.environ or _OF_AMD.exists())


def _loaded(name: str) -> Any:
    with suppress(OSError):
        return ctypes.CDLL(name)
    return None
