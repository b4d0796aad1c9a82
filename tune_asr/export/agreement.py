"""What two programs made of the same utterances, compared.

Two programs that compute the same function differ in the last bits of a float. Where the two best symbols of a frame
are closer than that, either is right: such an utterance is a tie, counted and told, and no disagreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tune_asr.errors import StorageError


class Disagreement(StorageError):
    """The exported model is not the one on record. There is no bundle then."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many utterances came out the same."""

    name: str
    """Which two programs, or which way of running one."""
    num_utterances: int
    num_ties: int = 0
    """Utterances that came out another way because two symbols were too close to tell apart."""
    num_different: int = 0
    """Utterances that came out another way for no such reason. In a bundle it is 0 but where the name says why."""

    @property
    def num_same(self) -> int:
        """Utterances with the same text."""
        return self.num_utterances - self.num_ties - self.num_different

    def __str__(self) -> str:
        told = f"{self.num_same} of {self.num_utterances} the same"
        told += f", {self.num_ties} tied" if self.num_ties else ""
        return told + (f", {self.num_different} different" if self.num_different else "")


@dataclass(frozen=True, slots=True)
class Decoded:
    """One utterance as PyTorch decodes it."""

    id: str
    reference: str
    hypothesis: str
    margin: float
    """The least lead of a frame's best symbol over its second, in nats."""


def compare(
    name: str, utterances: Sequence[Decoded], texts: Sequence[str], *, tie: float, must_agree: bool = True
) -> Agreement:
    """Compare the texts of another program with PyTorch's, words by words.

    Args:
        name: of the other program.
        utterances: s utterances.
        texts: s texts.
        tie: a lead below this, in nats, is none.
        must_agree: false: differences are only counted.

    Raises:
        Disagreement: an utterance came out another way, and no tie explains it.
    """
    pairs = list(zip(utterances, texts, strict=True))
    other = [(utterance, text) for utterance, text in pairs if utterance.hypothesis.split() != text.split()]
    different = [(utterance, text) for utterance, text in other if utterance.margin >= tie]
    if different and must_agree:
        utterance, text = different[0]
        raise Disagreement(
            f"{name} and PyTorch disagree in {len(different)} of {len(pairs)} validation utterances, so nothing was "
            f"written. The first, {utterance.id}:\n    PyTorch   {utterance.hypothesis}\n    {name}   {text}"
        )
    return Agreement(name, len(pairs), len(other) - len(different), len(different))


def margins(log_probs: Tensor, lengths: Tensor) -> list[float]:
    """The least lead of a frame's best symbol over its second in each utterance: (N, T', V), (N,) -> N, in nats."""
    best, second = log_probs.topk(2, dim=-1).values.unbind(-1)
    outside = torch.arange(log_probs.shape[1]) >= lengths[:, None]
    leads: list[float] = (best - second).masked_fill(outside, torch.inf).amin(1).tolist()
    return leads
