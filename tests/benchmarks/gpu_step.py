"""One training step of a large model on a GPU: eager, captured, and the sum of its kernels' times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.table import Row

if TYPE_CHECKING:
    import torch

    from tune_asr.config.sections import Config
    from tune_asr.training.batching import Batch
    from tune_asr.training.data import TrainingData
    from tune_asr.training.graphs.backend import Backend

WARM, TIMED, PROFILED = 10, 20, 5
"""Steps before the clock, on the clock, and under the profiler."""
GOALS = {8: 2.0, 64: 1.2}
"""Most times of its kernels that a captured step may take, by utterances."""

ROUNDING = {False: 1e-3, True: 2e-2}
"""Most that an eager and a captured loss may differ, relative, by mixed precision."""


@dataclass(frozen=True, slots=True)
class Step:
    """Milliseconds of a step, and the losses of the first ones."""

    milliseconds: float
    kernels: float
    """Sum of the kernels' own times."""
    losses: list[float]
    refusal: str | None
    """Why no graph was used, if one was asked for."""


def rows(name: str, config: Config, data: TrainingData) -> list[Row]:
    """Rows of one encoder in one precision, in small and large batches."""
    import torch

    from tune_asr.training.graphs.backend import CudaGraphs

    device = torch.device("cuda")
    found, is_mixed = [], config.precision.precision != "32-true"
    for size, goal in GOALS.items():
        batch = batch_of(data, size)
        eager = measured(config, data, batch, device)
        captured = measured(config, data, batch, device, CudaGraphs(device))
        apart = max(abs(a - b) / a for a, b in zip(eager.losses, captured.losses, strict=True))
        print(f"{name} N={size}: eager {eager}\n    captured {captured}\n    losses apart {apart:.1e}", flush=True)
        over = captured.milliseconds / eager.kernels
        found += [
            Row(claim=f"{name} N={size}, an eager step", value=eager.milliseconds, unit="ms"),
            Row(claim="  captured", value=None if captured.refusal else captured.milliseconds, unit="ms"),
            Row(claim="  its kernels", value=eager.kernels, unit="ms"),
            Row(claim="  captured over kernels", value=over, unit="x", at_most=goal),
            Row(claim="  ten losses apart, relative", value=apart, unit="", at_most=ROUNDING[is_mixed]),
        ]
    return found


def batch_of(data: TrainingData, size: int) -> Batch:
    """Training utterances of middle length."""
    from tune_asr.training.batching import collate

    assert data.built_in is not None
    split = data.built_in._train
    order = sorted(range(len(split)), key=split.lengths.__getitem__)
    middle = (len(order) - size) // 2
    return collate([split[i] for i in order[middle : middle + size]])


def measured(
    config: Config, data: TrainingData, batch: Batch, device: torch.device, backend: Backend | None = None
) -> Step:
    """Train on one batch, with the same draws in each step, so that its shape is one."""
    import torch

    from tune_asr.training.graphs.cache import Graphs
    from tune_asr.training.optimizer import adamw
    from tune_asr.training.prepare import build_module

    torch.set_num_threads(config.trainer.num_threads)  # as `fit` does
    torch.manual_seed(config.seed)
    module = build_module(config, data).train().to(device)
    optimizer = adamw(module, module.hparams["optimizer"], fused=config.precision.precision == "32-true")
    if backend:
        module.graphs = Graphs(module.encoder, backend)
    batch = batch.to(device)
    losses: list[torch.Tensor] = []

    def step() -> None:
        torch.manual_seed(1)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision.precision == "bf16-mixed"):
            features, lengths = module.perturb(batch.features, batch.on_cpu().feature_lengths)
            loss = module.batch_loss(module.augment(features, lengths), lengths, batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.detach())

    with products(config):
        _times(WARM, step, device)
        milliseconds = _times(TIMED, step, device)
        kernels = _kernels(PROFILED, step, device)
    refusal = module.graphs.refusal if backend else None
    return Step(milliseconds, kernels, torch.stack(losses[:WARM]).tolist(), refusal)


@contextmanager
def products(config: Config) -> Iterator[None]:
    """Products of matrices as exact as the configuration has them in training."""
    from tune_asr.training.callbacks.matmul_precision import MatmulPrecision

    exactness = MatmulPrecision(config.precision.float32_matmul)
    if config.precision.float32_matmul != "highest":
        exactness.on_train_batch_start()
    try:
        yield
    finally:
        exactness.on_train_batch_end()


def _times(count: int, step: Callable[[], None], device: torch.device) -> float:
    """Milliseconds of a step, until the device has done all of them."""
    import torch

    began = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - began) / count


def _kernels(count: int, step: Callable[[], None], device: torch.device) -> float:
    """Sum of the kernels' own times in a step, in milliseconds."""
    from torch.profiler import ProfilerActivity, profile

    kind = ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU
    with profile(activities=[kind]) as profiled:
        _times(count, step, device)
    averages = profiled.key_averages()
    total = sum(
        event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total for event in averages
    )
    return float(total) / 1e3 / count
