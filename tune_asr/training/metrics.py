"""Word and character error rate as torchmetrics.

They fit any LightningModule.

A rate is a ratio of integer sums over batches and processes, never a mean of ratios: the batches do not matter. Counts
are those of `scoring.counts`, equal to jiwer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields

import torch
from torch import Tensor
from torchmetrics import Metric

from tune_asr.scoring.counts import ErrorCounts, count_errors


class ErrorRate(Metric):
    """Error counts of all utterances since `reset`."""

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    _state: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("_state", torch.zeros(len(fields(ErrorCounts)), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, references: Sequence[str], hypotheses: Sequence[str]) -> None:
        """Count the errors of each hypothesis against its reference."""
        pairs = zip(references, hypotheses, strict=True)
        counts = sum((count_errors(*pair) for pair in pairs), ErrorCounts())
        self._state += torch.tensor(astuple(counts), device=self._state.device)

    @property
    def counts(self) -> ErrorCounts:
        """Sums of the counts."""
        return ErrorCounts(*self._state.tolist())


class WER(ErrorRate):
    """Word error rate, a fraction; it may exceed 1."""

    def compute(self) -> Tensor:
        """Return word errors per word of the references."""
        return _scalar(self.counts.wer)


class CER(ErrorRate):
    """Character error rate, a fraction; it may exceed 1."""

    def compute(self) -> Tensor:
        """Return character errors per character of the references."""
        return _scalar(self.counts.cer)


def _scalar(rate: float) -> Tensor:
    # `LightningModule.log` takes only tensors from a metric; 64 bits hold the exact ratio.
    return torch.tensor(rate, dtype=torch.float64)
