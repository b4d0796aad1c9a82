"""Epochs of a training: results, order, and stopping rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.config.schema import Weights
from tune_asr.config.training_sections import EarlyStoppingSection
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.scoring.metric import Metric
from tune_asr.scoring.scores import Scores
from tune_asr.scoring.transcript import Transcript
from tune_asr.training.outcome import ValidationOutcome

METRICS = ("val_wer", "val_cer", "val_loss")
_KEPT = (*METRICS, "objective")


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of the history that checkpoints keep."""

    epoch: int
    """Number, from 1."""
    scores: Scores
    """All finite: a training ends otherwise."""

    @classmethod
    def of(cls, entry: Mapping[str, float]) -> Epoch:
        """Read an entry of a checkpoint.

        Raises:
            LookupError: it lacks a score.
        """
        wer, cer, loss, objective = (entry[name] for name in _KEPT)
        return cls(int(entry["epoch"]), Scores(wer, cer, loss, objective, entry.get("score")))

    @property
    def entry(self) -> dict[str, float]:
        """Entry of a checkpoint."""
        scores = {name: self.scores.value(name) for name in _KEPT}
        score = {} if self.scores.score is None else {"score": self.scores.score}  # None: of release 0.1.0
        return {"epoch": self.epoch, **scores, **score}


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """Result of one epoch, as a sink gets it."""

    epoch: int
    """Number, from 1."""
    scores: Scores
    """Scores of the validation; all finite."""
    train_loss: float
    """Mean loss of the batches, in nats per token."""
    outcome: ValidationOutcome | None
    """Hypotheses of the validation; None for a custom module that is not a `CTCModule`."""
    train_seconds: float
    """Seconds from the end of the last epoch, or of the set-up, to the validation."""
    val_seconds: float
    """Seconds of the validation."""
    seconds: float
    """Sum of both."""
    history: tuple[Epoch, ...]
    """All epochs so far, those before a resume included; this one is the last."""
    weights: Weights = "raw"
    """Scored weights: the trained ones, or their moving average."""
    num_parameters: int = 0
    """Parameters of the module, frozen ones included."""
    rtf: float | None = None
    """Real-time factor of decoding; see `decoding_time`. Measured in the first epoch alone."""
    lr: float = math.nan
    """Highest learning rate of the last step."""

    @property
    def counts(self) -> ErrorCounts | None:
        """Error counts of the validation."""
        return self.outcome.counts if self.outcome else None

    @property
    def utterances(self) -> tuple[Transcript, ...]:
        """Decoded utterances of the validation."""
        return self.outcome.utterances if self.outcome else ()


Save = Callable[[Path], None]
"""Saves the checkpoint of an epoch at a path."""
Sink = Callable[[EpochResult, bool, Save], None]
"""Takes the result of an epoch, whether the training ends with it, and a function that saves its checkpoint."""


class Diverged(Exception):
    """Loss or error rate that is not finite."""

    def __init__(self, what: str, history: Sequence[Epoch]) -> None:
        super().__init__(what)
        self.history = list(history)
        """Epochs before, as `fit` returns them."""


def rank(epoch: Epoch, metric: Metric) -> tuple[object, ...]:
    """Return a sort key: metric, CER, loss, then number."""
    return (*epoch.scores.order(metric), epoch.epoch)


def best_epochs(history: Iterable[Epoch], metric: Metric, number: int) -> list[Epoch]:
    """Return the best epochs, at most `number`, best first."""
    return sorted(history, key=lambda epoch: rank(epoch, metric))[:number]


HORIZON, PATIENCE, STOP_EPOCH = "trainer.max_epochs", "early_stopping.patience", "early_stopping.stop_epoch"


def ended_by(
    history: Sequence[Epoch], stopping: EarlyStoppingSection, max_epochs: int, grace_period: int = 0
) -> list[str]:
    """Return the keys of the rules that end a training.

    Args:
        history: epochs so far; patience looks at their `objective`.
        stopping: rules that end a training before the horizon.
        max_epochs: horizon.
        grace_period: first epoch that patience may end.
    """
    epoch = len(history)
    rules = {
        HORIZON: epoch >= max_epochs,
        PATIENCE: epoch >= grace_period and _is_out_of_patience(history, stopping),
        STOP_EPOCH: stopping.stop_epoch is not None and epoch >= stopping.stop_epoch,
    }
    return [key for key, ends in rules.items() if ends]


def _is_out_of_patience(history: Iterable[Epoch], stopping: EarlyStoppingSection) -> bool:
    """Test for `patience` epochs in a row without improvement.

    An improvement is larger than `min_delta`.
    """
    best, bad_epochs = math.inf, 0
    for epoch in history:
        objective = epoch.scores.value("objective")
        improved = objective < best - stopping.min_delta
        best, bad_epochs = (objective, 0) if improved else (best, bad_epochs + 1)
    return stopping.enabled and bad_epochs >= stopping.patience
