"""CTC loss and greedy decoding (Graves et al., 2006).

A transcript of U tokens needs a frame for each and one blank between each two equal neighbours. With fewer frames it is
infeasible: its loss is infinite. Such an utterance is counted and kept out of the loss; hiding it as a loss of zero
(`zero_infinity`) would let a model look better the more it subsamples.

Shapes: N utterances, T output frames, V symbols, U tokens. Loss in nats.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from tune_asr.errors import DataError, InfeasibleError, SettingError
from tune_asr.speech.survey.survey import MAX_INFEASIBLE_PERCENT, too_many_infeasible

ROUNDED_LOG = 1e-3
"""By so much the logarithm of a probability may be above 0 in half precision."""


@dataclass(frozen=True, slots=True)
class CTCLoss:
    """Loss of a batch, and sums for a corpus."""

    loss: Tensor
    """0-dim float32, differentiable: nats a token over the feasible utterances; zero if there is none"""
    nats: Tensor
    """0-dim float32, detached: sum over the feasible utterances"""
    num_tokens: Tensor
    """0-dim int64: tokens of the feasible utterances"""
    num_infeasible: Tensor
    """0-dim int64: utterances kept out of the loss"""


def ctc_loss(
    log_probs: Tensor, output_lengths: Tensor, tokens: Tensor, token_lengths: Tensor, blank_id: int = 0
) -> CTCLoss:
    """Sum the losses of feasible utterances per token.

    Lengths and tokens may stay on the CPU: their sums are then known without waiting for a GPU.

    The normalisation is per token, so that long and short batches pull with the same strength. A loss that is infinite
    for any other reason than infeasibility is returned as it is: the training has diverged.

    Args:
        log_probs: (N, T, V) log-probabilities; computed in float32 whatever they are.
        output_lengths: (N,) int64, at most T.
        tokens: (N, U) int64, padded; see `validate_targets`, which torch does not do.
        token_lengths: (N,) int64.
        blank_id: id of the blank.
    """
    device = log_probs.device
    feasible = padded_min_frames(tokens, token_lengths) <= output_lengths
    # An infeasible transcript is replaced by the empty one, whose loss and gradient are finite, and then left out.
    token_lengths = token_lengths.where(feasible, 0)
    tokens, known = tokens.to(device, non_blocking=True), feasible.to(device, non_blocking=True)
    losses = F.ctc_loss(
        log_probs.float().transpose(0, 1), tokens, output_lengths, token_lengths, blank=blank_id, reduction="none"
    )
    nats = losses.where(known, 0).sum()
    num_tokens = token_lengths.sum()
    return CTCLoss(nats / num_tokens.clamp(min=1), nats.detach(), num_tokens, (~feasible).sum())


def padded_min_frames(tokens: Tensor, token_lengths: Tensor) -> Tensor:
    """Fewest output frames of each transcript: tokens plus repeats.

    (N, U), (N,) -> (N,) int64.
    """
    if tokens.device.type == "cpu":  # numpy takes a third of torch's time on so few numbers
        ids, lengths = tokens.numpy(), token_lengths.numpy()
        within = np.arange(1, ids.shape[1]) < lengths[:, None]
        return torch.from_numpy(lengths + ((ids[:, 1:] == ids[:, :-1]) & within).sum(1))
    pairs = torch.arange(tokens.shape[1], device=tokens.device)[1:] < token_lengths[:, None]
    repeats = (tokens[:, 1:] == tokens[:, :-1]) & pairs
    return token_lengths + repeats.sum(1)


def require_feasible(
    num_infeasible: int, num_utterances: int, where: str = "", hint: str = "Lower model.subsampling."
) -> None:
    """Refuse training data with too many infeasible transcripts.

    Args:
        num_infeasible: infeasible transcripts.
        num_utterances: all transcripts.
        where: continuation of the message, on the place.
        hint: remedy for the user.

    Raises:
        InfeasibleError: more than `MAX_INFEASIBLE_PERCENT` of them.
    """
    if too_many_infeasible(num_infeasible, num_utterances):
        raise InfeasibleError(
            f"{num_infeasible} of {num_utterances} training transcripts are too long for their frames{where}, but at "
            f"most {MAX_INFEASIBLE_PERCENT} % may be",
            hint=hint,
        )


def validate_targets(
    tokens: Tensor, token_lengths: Tensor, num_symbols: int, blank_id: int = 0, names: Sequence[str] = ()
) -> None:
    """Check for tokens outside the vocabulary, and for blanks.

    torch itself reads out of bounds silently.

    Args:
        tokens: (N, U) int64, padded.
        token_lengths: (N,) int64.
        num_symbols: V.
        blank_id: id of the blank.
        names: N ids of utterances, for the message; by default their rows.

    Raises:
        DataError: naming the first wrong token.
    """
    ids, lengths = tokens.cpu().numpy(), token_lengths.cpu().numpy()
    valid = np.arange(ids.shape[1]) < lengths[:, None]
    wrong = ((ids < 0) | (ids >= num_symbols) | (ids == blank_id)) & valid
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        name = names[row] if names else row
        raise DataError(
            f"token {column} of utterance {name} is {ids[row, column]}, but must be in 0..{num_symbols - 1} and not "
            f"the blank, {blank_id}",
            hint="Encode transcripts with the vocabulary that the model was built with.",
        )


def validated_scores(given: Any, num_utterances: int, num_symbols: int, owner: str) -> tuple[Tensor, Tensor]:
    """Check log-probabilities, (N, T', V), and lengths, (N,).

    Args:
        given: output of the network.
        num_utterances: N.
        num_symbols: V.
        owner: name of the network in messages.

    Raises:
        SettingError: the output is anything else.
    """
    if not (isinstance(given, tuple) and len(given) == 2 and all(isinstance(part, Tensor) for part in given)):
        raise SettingError(f"{owner} gives a {type(given).__name__}, but must give log-probabilities and lengths")
    log_probs, lengths = given
    if log_probs.ndim != 3 or (log_probs.shape[0], log_probs.shape[2]) != (num_utterances, num_symbols):
        wanted = f"({num_utterances}, T', {num_symbols})"
        raise SettingError(f"{owner} gives log-probabilities {tuple(log_probs.shape)}, but they must be {wanted}")
    if (log_probs > ROUNDED_LOG).any():
        what = "values above 0, which no logarithm of a probability is"
        raise SettingError(f"{owner} gives {what}", hint="Let it return scores.log_softmax(-1).")
    frames = log_probs.shape[1]
    countable = lengths.shape == (num_utterances,) and not lengths.is_floating_point()
    if not countable or ((lengths < 0) | (lengths > frames)).any():
        raise SettingError(
            f"{owner} gives the lengths {reprlib.repr(lengths.tolist())}, but they must be {num_utterances} whole "
            f"numbers in 0..{frames}, the frames of its log-probabilities",
            hint="Return how many frames are left of feature_lengths.",
        )
    return log_probs, lengths


@torch.no_grad()
def best_path(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """Best symbol of each frame, -1 after an utterance's end.

    (N, T, V), (N,) -> (N, T) int64.
    """
    valid = torch.arange(log_probs.shape[1], device=log_probs.device) < lengths[:, None]
    return log_probs.argmax(-1).where(valid, -1)


def collapse(path: npt.NDArray[np.int64], blank_id: int = 0) -> list[list[int]]:
    """Collapse best paths.

    (N, T) -> N lists of symbol ids.
    """
    previous = np.pad(path[:, :-1], ((0, 0), (1, 0)), constant_values=blank_id)
    kept = (path != previous) & (path != blank_id) & (path >= 0)
    return [row[is_kept].tolist() for row, is_kept in zip(path, kept, strict=True)]


def greedy_decode(log_probs: Tensor, lengths: Tensor, blank_id: int = 0) -> list[list[int]]:
    """Decode best paths.

    Args:
        log_probs: (N, T, V).
        lengths: (N,) int64, at most T.
        blank_id: id of the blank.

    Returns:
        N lists of symbol ids.
    """
    return collapse(best_path(log_probs, lengths).cpu().numpy(), blank_id)
