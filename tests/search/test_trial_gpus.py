"""GPUs that a trial may see."""

import subprocess
import sys

import pytest

from tune_asr.search.cards.packing import Packing
from tune_asr.search.cards.placement import Placement
from tune_asr.search.ray.share import Share, request


def output_of(script):
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return found.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(("given", "seen"), [([], ""), ([3], "3"), (["GPU-1", "MIG-2"], "GPU-1,MIG-2")])
def test_trial_sees_given_gpus_alone(monkeypatch, given, seen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    script = (
        "import os; from tune_asr.search.ray.share import use_gpus\n"
        f"for _ in range(2): use_gpus({given})\n"  # the second trial of a reused process
        "print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    )
    assert output_of(script) == repr(seen)


@pytest.mark.parametrize(("given", "order"), [(None, "PCI_BUS_ID"), ("FASTEST_FIRST", "FASTEST_FIRST")])
def test_gpus_have_numbers_of_the_bus(monkeypatch, given, order):
    """CUDA's own order may differ from that of NVML, which names the device of a search."""
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    if given:
        monkeypatch.setenv("CUDA_DEVICE_ORDER", given)
    script = (
        "import os; from tune_asr.search.ray.share import use_gpus\n"
        "use_gpus([1])\n"
        "print(os.environ['CUDA_DEVICE_ORDER'])"
    )
    assert output_of(script) == order


def test_process_keeps_to_its_gpus():
    """CUDA reads the variable once: a second value would be ignored."""
    script = (
        "from tune_asr.search.ray.share import use_gpus\n"
        "use_gpus([0])\n"
        "try: use_gpus([1])\n"
        "except RuntimeError as error: print(error)"
    )
    assert output_of(script) == "this process has had the GPUs 0, and cannot use 1"


def test_trial_without_gpu_trains_on_cpu():
    """Imports come first, as in a process that has loaded torch before Ray gives it a trial."""
    script = (
        "from tune_asr.training.trainer import make_trainer\n"
        "from tune_asr.config.sections import Config\n"
        "from tune_asr.search.ray.share import use_gpus\n"
        "use_gpus([])\n"
        "print(make_trainer(Config()).strategy.root_device.type)"
    )
    assert output_of(script) == "cpu"


def test_preloading_opens_no_gpu():
    """A preloaded process has looked at no device before Ray gives it one."""
    script = (
        "import torch\n"
        "asked = []\n"
        "count = torch._C._cuda_getDeviceCount\n"
        "torch._C._cuda_getDeviceCount = lambda: asked.append('count') or count()\n"
        "import tune_asr.search.ray.fast_start.preload\n"
        "print(asked, torch.cuda.is_initialized())"
    )
    assert output_of(script) == "[] False"


PACKED = Placement(8, 1, 0.125, "pack", packing=Packing(8, "they pay", 1000))


@pytest.mark.parametrize(
    ("placement", "room", "share"),
    [
        (Placement(2, 1, 1.0), None, Share(1.0)),
        (Placement(2, 1, 0.25, 0.25), None, Share(0.25)),
        (Placement(2, 1, 0.25, 0.25), 0.5, Share(0.5)),
        (PACKED, None, Share(0.125, 1000)),
        (PACKED, 0.25, Share(0.25, 2000)),
        (PACKED, 1.0, Share(1.0)),
    ],
)
def test_share_grows_with_room(placement, room, share):
    found = Share.of(placement, room)
    assert found == share
    assert Share.from_config(found.to_config()) == share
    assert request(found.to_config(), 0.5).bundles == [{"CPU": 0.5, "GPU": share.gpus}]


def test_cpu_trial_requests_no_gpu():
    assert request(Share(0.0).to_config(), 1).bundles == [{"CPU": 1}]
