"""Measurement of a step, with the CPU as the device and a recorder that calls."""

import pytest
import torch

from tests.benchmarks import gpu_step
from tests.quick import QUICK
from tests.training.test_graphs import Called
from tune_asr.config.load import from_values
from tune_asr.training.data import load_data


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_captured_step_learns_alike(precision):
    config = from_values({**QUICK, "precision": {"precision": precision, "float32_matmul": "high"}}, "test")
    data = load_data(config)
    batch = gpu_step.batch_of(data, 8)
    eager = gpu_step.measured(config, data, batch, torch.device("cpu"))
    recorder = Called()
    captured = gpu_step.measured(config, data, batch, torch.device("cpu"), recorder)
    assert captured.losses == pytest.approx(eager.losses, rel=1e-2)
    assert eager.losses[-1] < eager.losses[0] and len(eager.losses) == gpu_step.WARM
    assert captured.refusal is None and recorder.log.count("backward") > gpu_step.TIMED
    assert eager.kernels > 0 and len(batch) == 8
    assert torch.get_float32_matmul_precision() == "highest"
