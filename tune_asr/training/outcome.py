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
from tune_asr.training.ctc import CTCLoss, collapse


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
    best: Tensor
    """(N, T'): best symbol of each frame, padding included."""
    lengths: Tensor
    """(N,): output frames."""
    loss: CTCLoss


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
        self._decoded.append(_DecodedBatch(batch.ids, batch.texts, log_probs.argmax(-1), lengths, loss))

    def outcome(self) -> ValidationOutcome | None:
        """Spell hypotheses and count errors; None without a batch."""
        parts = self._decoded
        if not parts:
            return None
        paths = self._paths()
        utterances = tuple(
            Transcript(name, reference, spelled(self._vocab, symbols))
            for part, path in zip(parts, paths, strict=True)
            for name, reference, symbols in zip(part.ids, part.references, collapse(path, self._blank_id), strict=True)
        )
        tokens, infeasible = (
            int(torch.stack(counts).sum())
            for counts in ([part.loss.num_tokens for part in parts], [part.loss.num_infeasible for part in parts])
        )
        nats: list[float] = torch.stack([part.loss.nats for part in parts]).tolist()
        frames = sum(int((path >= 0).sum()) for path in paths)
        blanks = sum(int((path == self._blank_id).sum()) for path in paths)
        return ValidationOutcome(utterances, sum(nats), tokens, infeasible, blanks / max(1, frames))

    def _paths(self) -> list[npt.NDArray[np.int64]]:
        """Best path of each batch, (N, T').

        -1 after an utterance's end.
        """
        sizes = [part.best.numel() for part in self._decoded]
        best = torch.cat([part.best.flatten() for part in self._decoded]).cpu().numpy()
        lengths = torch.cat([part.lengths for part in self._decoded]).cpu().numpy()
        ends, rows = np.cumsum(sizes)[:-1], np.cumsum([len(part.ids) for part in self._decoded])[:-1]
        each = zip(self._decoded, np.split(best, ends), np.split(lengths, rows), strict=True)
        return [
            np.where(np.arange(part.best.shape[1]) < own[:, None], block.reshape(part.best.shape), -1)
            for part, block, own in each
        ]
