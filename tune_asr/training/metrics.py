"""Word and character error rate of a corpus, as torchmetrics that add up integers over batches and processes.

A rate is a ratio of sums, never a mean of ratios: it does not depend on how utterances fell into batches. The counting
itself is `speech.scoring`'s, and equal to jiwer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields

import torch
from torch import Tensor
from torchmetrics import Metric

from tune_asr.scoring.counts import ErrorCounts, count_errors


class ErrorRate(Metric):
    """The error counts of all utterances seen since `reset`; `WER` and `CER` read their rate off them."""

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    _state: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("_state", torch.zeros(len(fields(ErrorCounts)), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, references: Sequence[str], hypotheses: Sequence[str]) -> None:
        """Count the errors of each hypothesis against the reference at its place."""
        pairs = zip(references, hypotheses, strict=True)
        counts = sum((count_errors(*pair) for pair in pairs), ErrorCounts())
        self._state += torch.tensor(astuple(counts), device=self._state.device)

    @property
    def counts(self) -> ErrorCounts:
        """The integers behind the rates."""
        return ErrorCounts(*self._state.tolist())


class WER(ErrorRate):
    """Word error rate, a fraction that may exceed 1."""

    def compute(self) -> Tensor:
        """Substitutions, deletions and insertions over the words of the references."""
        return _scalar(self.counts.wer)


class CER(ErrorRate):
    """Character error rate, a fraction that may exceed 1."""

    def compute(self) -> Tensor:
        """Character edits over the characters of the references."""
        return _scalar(self.counts.cer)


def _scalar(rate: float) -> Tensor:
    # A tensor, since `LightningModule.log` takes nothing else from a metric; of 64 bits, so that it is the exact ratio.
    return torch.tensor(rate, dtype=torch.float64)
