"""GPUs that a trial may see."""

import subprocess
import sys

import pytest

from tune_asr.search.ray.worker import use_gpus


@pytest.mark.parametrize(("given", "seen"), [([], ""), ([3], "3"), (["GPU-1", "MIG-2"], "GPU-1,MIG-2")])
def test_trial_sees_given_gpus_alone(monkeypatch, given, seen):
    import os

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    use_gpus(given)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


def test_trial_without_gpu_trains_on_cpu():
    """Imports come first, as in a process that has loaded torch before Ray gives it a trial."""
    script = (
        "from tune_asr.training.trainer import make_trainer\n"
        "from tune_asr.config.sections import Config\n"
        "from tune_asr.search.ray.worker import use_gpus\n"
        "use_gpus([])\n"
        "print(make_trainer(Config()).strategy.root_device.type)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split()[-1] == "cpu"
