"""Parity of PyTorch and onnxruntime, batched and one by one.

Shapes: N utterances, T frames, C mel bins, T' output frames, V symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import onnxruntime
import torch
from torch import Tensor, nn

from tune_asr.export.agreement import Agreement, Decoded, Disagreement, compare, margins
from tune_asr.export.onnx_model import TRACED_LENGTHS, run
from tune_asr.speech.text.vocabulary import spelled
from tune_asr.training.batching import Batch
from tune_asr.training.ctc import greedy_decode

TIE = 1e-4
"""Lead of a symbol below which two are tied, in nats. Float32 sums in another order differ by 1e-6 to 1e-5."""
FRESH_LENGTHS = (3, 10, 101, 733)
"""Numbers of frames; the first is that of 25 ms, the shortest recording with features."""
MAX_DIFFERENCE = 1e-3
"""Largest allowed difference of log-probabilities, in nats."""


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """Model in both programs, and its symbols."""

    encoder: nn.Module
    session: onnxruntime.InferenceSession
    vocab: Sequence[str]
    blank_id: int

    def texts(self, log_probs: Tensor, lengths: Tensor) -> list[str]:
        """Decode by best path: (N, T', V) -> N."""
        return [spelled(self.vocab, ids) for ids in greedy_decode(log_probs, lengths, self.blank_id)]


@dataclass(slots=True)
class Pass:
    """Result of one pass over the validation set."""

    transcripts: list[Decoded] = field(default_factory=list)
    """Transcripts by PyTorch in the batches of validation."""
    agreements: list[Agreement] = field(default_factory=list)
    frames: set[int] = field(default_factory=set)
    """Lengths of the utterances, in feature frames."""
    max_difference: float = 0.0
    """Largest difference of log-probabilities between PyTorch and onnxruntime, in nats."""

    @property
    def unseen(self) -> int:
        """Number of lengths not seen in tracing."""
        return len(self.frames - set(TRACED_LENGTHS))


@torch.inference_mode()
def validate(exported: ExportedModel, batches: Iterable[Batch]) -> Pass:
    """Decode every utterance in four ways, and compare.

    Raises:
        Disagreement: two ways differ in a text, or by more than `MAX_DIFFERENCE` in a log-probability.
    """
    found = Pass()
    ways: dict[str, list[str]] = {"PyTorch, one by one": [], "onnxruntime, batched": [], "onnxruntime, one by one": []}
    for batch in batches:
        features, lengths = batch.features.float(), batch.feature_lengths
        log_probs, output_lengths = exported.encoder(features, lengths)
        theirs = run(exported.session, features, lengths)
        found.max_difference = max(found.max_difference, _difference((log_probs, output_lengths), theirs))
        ways["onnxruntime, batched"] += exported.texts(*theirs)
        for row, length in enumerate(lengths.tolist()):
            alone = features[row : row + 1, :length], lengths[row : row + 1]
            ways["PyTorch, one by one"] += exported.texts(*exported.encoder(*alone))
            ways["onnxruntime, one by one"] += exported.texts(*run(exported.session, *alone))
            found.frames.add(length)
        decoded = exported.texts(log_probs, output_lengths)
        found.transcripts += map(Decoded, batch.ids, batch.texts, decoded, margins(log_probs, output_lengths))
    found.agreements = [compare(name, found.transcripts, texts, tie=TIE) for name, texts in ways.items()]
    return found


@torch.inference_mode()
def check_fresh_lengths(exported: ExportedModel, num_mel_bins: int) -> float:
    """Return the largest difference on random features, in nats.

    Their lengths are `FRESH_LENGTHS`, new to the exporter. The batch is padded with large numbers, which must have no
    effect.

    Raises:
        Disagreement: the difference is larger than `MAX_DIFFERENCE`.
    """
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor(FRESH_LENGTHS)
    features = torch.randn(len(lengths), max(FRESH_LENGTHS), num_mel_bins, generator=generator)
    features[torch.arange(max(FRESH_LENGTHS)) >= lengths[:, None]] = 1e3
    ours, theirs = exported.encoder(features, lengths), run(exported.session, features, lengths)
    worst = _difference(ours, theirs)
    for row, length in enumerate(FRESH_LENGTHS):
        alone = run(exported.session, features[row : row + 1, :length], lengths[row : row + 1])
        worst = max(worst, _difference((ours[0][row : row + 1], ours[1][row : row + 1]), alone))
    return worst


def _difference(ours: tuple[Tensor, Tensor], theirs: tuple[Tensor, Tensor]) -> float:
    """Return the largest difference inside utterances, in nats."""
    (log_probs, lengths), (their_log_probs, their_lengths) = ours, theirs
    if not torch.equal(lengths, their_lengths):
        raise Disagreement(
            f"onnxruntime gives {their_lengths.tolist()} output frames, but PyTorch {lengths.tolist()}, so nothing was "
            "written"
        )
    longest = int(lengths.max())
    inside = (torch.arange(longest) < lengths[:, None]).unsqueeze(2)
    gap = (log_probs[:, :longest] - their_log_probs[:, :longest]).abs()
    worst = float(gap.masked_fill(~inside, 0).max())
    if not worst <= MAX_DIFFERENCE:
        raise Disagreement(
            f"log-probabilities of PyTorch and onnxruntime differ by {worst:.2g} nats, but at most "
            f"{MAX_DIFFERENCE:g} is allowed (frames of the utterances: {lengths.tolist()}), so nothing was written"
        )
    return worst
