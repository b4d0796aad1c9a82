"""Outcome of a validation pass.

Shapes: N utterances, T' output frames, V symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tune_asr.scoring.counts import ErrorCounts
from tune_asr.scoring.transcript import Transcript
from tune_asr.speech.text.vocabulary import spelled
from tune_asr.training.batching import Batch
from tune_asr.training.ctc import CTCLoss, best_path, emitted


@dataclass(frozen=True)
class ValidationOutcome:
    """Result of one validation pass."""

    utterances: tuple[Transcript, ...]
    """In the order of the validation data."""
    nats: float
    """CTC loss, summed over the feasible utterances."""
    num_tokens: int
    """Tokens of the feasible utterances."""
    num_infeasible: int
    """Utterances kept out of the loss, since their transcripts do not fit their frames."""
    blank_share: float
    """Share of output frames whose best symbol is the blank."""

    @cached_property
    def counts(self) -> ErrorCounts:
        """Error counts, summed over the utterances."""
        return sum((utterance.counts for utterance in self.utterances), ErrorCounts())

    @property
    def empty_share(self) -> float:
        """Share of hypotheses without a word."""
        return sum(not utterance.hypothesis.strip() for utterance in self.utterances) / max(1, len(self.utterances))


@dataclass(frozen=True, slots=True)
class _DecodedBatch:
    """Decoded batch, its tensors still on the device."""

    ids: list[str]
    references: list[str]
    symbols: Tensor
    """(N, T'): see `emitted`."""
    sums: Tensor
    """(4,) int64: tokens and infeasible utterances of the loss, output frames, frames of blank."""
    nats: Tensor
    """0-dim float32."""


class ValidationPass:
    """Decoded batches of a validation pass, read at its end.

    Args:
        vocab: symbols by id.
        blank_id: id of the blank.
    """

    def __init__(self, vocab: Sequence[str], blank_id: int) -> None:
        self._vocab, self._blank_id = vocab, blank_id
        self._decoded: list[_DecodedBatch] = []

    def add(self, batch: Batch, log_probs: Tensor, lengths: Tensor, loss: CTCLoss) -> None:
        """Decode a batch without waiting for it.

        Args:
            batch: N utterances.
            log_probs: (N, T', V).
            lengths: (N,) int64, output frames, on the CPU or where `log_probs` are.
            loss: CTC loss of the batch.
        """
        device = log_probs.device
        path = best_path(log_probs, lengths.to(device, non_blocking=True))
        sums = (loss.num_tokens, loss.num_infeasible, lengths.sum(), (path == self._blank_id).sum())
        on_device = torch.stack([part.to(device, non_blocking=True) for part in sums])
        symbols = emitted(path, self._blank_id)
        self._decoded.append(_DecodedBatch(batch.ids, batch.texts, symbols, on_device, loss.nats))

    def outcome(self) -> ValidationOutcome | None:
        """Spell hypotheses and count errors; None without a batch."""
        if not self._decoded:
            return None
        symbols = torch.cat([part.symbols.flatten() for part in self._decoded]).cpu()
        tokens, infeasible, frames, blanks = torch.stack([part.sums for part in self._decoded]).sum(0).tolist()
        nats: list[float] = torch.stack([part.nats for part in self._decoded]).tolist()
        sizes = [part.symbols.numel() for part in self._decoded]
        utterances = [
            self._result(*named)
            for part, block in zip(self._decoded, torch.split(symbols, sizes), strict=True)
            for named in zip(part.ids, part.references, block.view(part.symbols.shape).numpy(), strict=True)
        ]
        return ValidationOutcome(tuple(utterances), sum(nats), tokens, infeasible, blanks / max(1, frames))

    def _result(self, name: str, reference: str, symbols: npt.NDArray[np.int64]) -> Transcript:
        hypothesis = spelled(self._vocab, symbols[symbols != self._blank_id].tolist())
        return Transcript(name, reference, hypothesis)
