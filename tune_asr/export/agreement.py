"""Comparison of two programs' texts of the same utterances.

Two programs that compute the same function differ in the last bits of a float. If the two best symbols of a frame are
closer than that, either is right: such an utterance counts as a tie, not as a disagreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tune_asr.errors import StorageError
from tune_asr.scoring.transcript import Transcript


class Disagreement(StorageError):
    """Exported model unlike its record."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Number of utterances with the same text in both programs."""

    name: str
    """Program, and the way it was run."""
    num_utterances: int
    num_ties: int = 0
    """Utterances whose text differs because two symbols were too close."""
    num_different: int = 0
    """Utterances whose text differs for another reason; only counted if `name` gives the reason."""

    @property
    def num_same(self) -> int:
        """Utterances with the same text."""
        return self.num_utterances - self.num_ties - self.num_different

    def __str__(self) -> str:
        text = f"{self.num_same} of {self.num_utterances} the same"
        text += f", {self.num_ties} tied" if self.num_ties else ""
        return text + (f", {self.num_different} different" if self.num_different else "")


@dataclass(frozen=True)
class Decoded(Transcript):
    """Transcript by PyTorch, and how sure it is."""

    margin: float
    """Smallest lead of a frame's best symbol over its second, in nats."""


def compare(
    name: str, transcripts: Sequence[Decoded], texts: Sequence[str], *, tie: float, must_agree: bool = True
) -> Agreement:
    """Compare another program's texts with those of PyTorch, by words.

    Args:
        name: name of the other program.
        transcripts: transcripts by PyTorch.
        texts: texts of the same utterances by the other program, in their order.
        tie: lead in nats below which two symbols are tied.
        must_agree: if false, differences are only counted.

    Raises:
        Disagreement: a text differs without a tie.
    """
    pairs = list(zip(transcripts, texts, strict=True))
    other = [(transcript, text) for transcript, text in pairs if transcript.hypothesis.split() != text.split()]
    different = [(transcript, text) for transcript, text in other if transcript.margin >= tie]
    if different and must_agree:
        first, text = different[0]
        raise Disagreement(
            f"{name} and PyTorch disagree in {len(different)} of {len(pairs)} validation utterances, so nothing was "
            f"written. The first, {first.id}:\n    PyTorch   {first.hypothesis}\n    {name}   {text}"
        )
    return Agreement(name, len(pairs), len(other) - len(different), len(different))


def margins(log_probs: Tensor, lengths: Tensor) -> list[float]:
    """Return the margin of each utterance.

    Shapes: (N, T', V), (N,) -> N, in nats.
    """
    best, second = log_probs.topk(2, dim=-1).values.unbind(-1)
    outside = torch.arange(log_probs.shape[1]) >= lengths[:, None]
    leads: list[float] = (best - second).masked_fill(outside, torch.inf).amin(1).tolist()
    return leads
