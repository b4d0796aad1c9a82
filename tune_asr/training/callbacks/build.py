"""Callbacks of one training, in running order."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import LearningRateMonitor

from tune_asr.config.sections import Config
from tune_asr.training.callbacks.capture import Capture
from tune_asr.training.callbacks.ema import WarmingAverage
from tune_asr.training.callbacks.epoch_report import EpochReport
from tune_asr.training.callbacks.fresh_workers import FreshWorkers
from tune_asr.training.callbacks.matmul_precision import MatmulPrecision
from tune_asr.training.callbacks.probe import LongestBatchProbe
from tune_asr.training.callbacks.same_batches import SameBatches
from tune_asr.training.data import TrainingData


def build(
    config: Config, data: TrainingData, report: EpochReport, watching: Sequence[Callback] = (), *, logs_rates: bool
) -> list[Callback]:
    """Build the callbacks of a training.

    The package's docstring has the table of their hooks.

    Args:
        config: checked configuration.
        data: training and validation data.
        report: last callback, which saves the checkpoint.
        watching: callbacks that change nothing, such as a progress bar.
        logs_rates: whether there are loggers for the learning rates.
    """
    matmul, weights = config.precision.float32_matmul, config.checkpoint.weights
    # A custom class may have set another precision of products: "highest", the default, leaves it alone.
    return [
        *([LearningRateMonitor("epoch")] if logs_rates else []),
        *([MatmulPrecision(matmul)] if matmul != "highest" else []),
        *([WarmingAverage(config.optimizer.ema_decay)] if weights == "ema" else []),
        FreshWorkers(),
        SameBatches(),
        LongestBatchProbe(data.built_in),
        *([Capture()] if config.trainer.cuda_graphs == "auto" else []),
        *watching,
        report,
    ]
