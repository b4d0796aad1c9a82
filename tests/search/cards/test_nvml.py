"""GPUs of a machine, read from a management library that is made up."""

import os
import subprocess
import sys

import pytest

from tests.search.cards.library import DIVIDED, GB, TWO, Gpu, Library
from tune_asr.search.cards.card import parts_named, usable_parts
from tune_asr.search.cards.nvml import Nvml, NvmlError, this_machine


@pytest.mark.parametrize(
    ("visible", "seen", "unknown"),
    [
        (None, ["GPU-aa11", "GPU-bb22"], []),
        ("", [], []),
        ("-1", [], []),
        ("NoDevFiles", [], []),
        ("1", ["GPU-bb22"], []),
        ("1, 0", ["GPU-bb22", "GPU-aa11"], []),
        ("0,7,1", ["GPU-aa11"], ["7", "1"]),  # CUDA reads as far as it knows the names
        ("GPU-bb", ["GPU-bb22"], []),
        ("GPU-", [], ["GPU-"]),
        ("MIG-11", [], ["MIG-11"]),
    ],
)
def test_visible_gpus(visible, seen, unknown):
    machine = Nvml(TWO).machine(visible)
    assert [card.uuid for card in machine.cards] == seen
    assert machine.unknown == unknown
    assert machine.total == 2
    assert machine.are_hidden is not bool(seen)


def test_memory_and_busy_share():
    nvml = Nvml(TWO)
    first, second = nvml.machine(None).cards
    assert (first.name, first.total_bytes, first.free_bytes) == ("H100", 80 * GB, 60 * GB)
    assert str(first) == "H100, 80 GB, 20 GB of it in use"
    assert str(second) == "T4, 16 GB"
    assert nvml.busy_percent("GPU-aa11") == 85
    assert nvml.busy_percent("GPU-none") is None


def test_parts_have_names_of_their_own():
    """Without names, a program sees the whole GPU, which stands for its first part."""
    [whole] = Nvml(DIVIDED).machine(None).cards
    assert (whole.uuid, whole.parts) == ("GPU-aa11", 2)
    parts = Nvml(DIVIDED).machine("MIG-22,MIG-11").cards
    assert [(part.uuid, part.total_bytes, part.index) for part in parts] == [
        ("MIG-22", 40 * GB, 0),
        ("MIG-11", 40 * GB, 0),
    ]
    assert Nvml(DIVIDED).busy_percent("MIG-11") is None
    assert [usable_parts(Nvml(DIVIDED).machine(names)) for names in ("MIG-22,MIG-11", "MIG-22,MIG-3", "0", None)] == [
        2,
        1,
        None,
        None,
    ]


def test_lost_gpu_is_left_out():
    library = Library(2, [Gpu("H100", "GPU-a", GB, is_lost=True), Gpu("H100", "GPU-b", GB)])
    assert [card.uuid for card in Nvml(library).machine(None).cards] == ["GPU-b"]


def test_old_driver_lacks_functions():
    with pytest.raises(NvmlError, match="nvmlDeviceGetCount_v2 is missing: the driver is old"):
        Nvml(object()).machine(None)


@pytest.mark.parametrize(
    ("visible", "number"), [(None, 0), ("", 0), ("0,1", 0), ("MIG-1", 1), ("MIG-1,MIG-2", 2), ("0,MIG-1", 0)]
)
def test_named_parts_are_counted(visible, number):
    assert parts_named(visible) == number


def test_reading_loads_nothing_heavy():
    """It opens no GPU: neither torch nor Ray is there, and a machine without a driver has none."""
    code = (
        "import sys; from tune_asr.search.cards.nvml import this_machine; machine = this_machine()\n"
        "print([name for name in ('torch', 'ray', 'numpy') if name in sys.modules], machine.visible)"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == "[]"
    assert isinstance(this_machine().total, int)
