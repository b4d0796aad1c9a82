"""CTCModule: training and validation of a CTC recogniser, whatever its network is.

Legend: N utterances, T feature frames, C mel bins, T' output frames, V symbols (blank among them), U tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from tune_asr.errors import ConfigError, DataError, InfeasibleError
from tune_asr.scoring.counts import ErrorCounts, count_errors
from tune_asr.speech.text.vocabulary import spelled
from tune_asr.training.batching import Batch
from tune_asr.training.ctc import (
    CTCLoss,
    best_path,
    collapse,
    ctc_loss,
    require_feasible,
    validate_targets,
    validated_scores,
)
from tune_asr.training.outcome import UtteranceResult, ValidationOutcome
from tune_asr.training.schedules import Schedule


class CTCModule(pl.LightningModule):
    """A CTC recogniser (Graves et al., 2006) without its network: a class of the user's may be derived from it.

    Such a class has `forward(features, feature_lengths)`: (N, T, C), (N,) -> log-probabilities (N, T', V), their
    lengths (N,) int64; and `configure_optimizers`, which may return `self.scheduled(optimizer)`.

    Args:
        vocab: symbols by id, the blank at `blank_id`.
        scheduler: the section `scheduler` of the configuration.
        blank_id: the id of the blank.
    """

    _more_frames = "let forward leave more frames of each utterance"
    """The way out where transcripts do not fit their frames."""

    def __init__(self, vocab: Sequence[str], scheduler: Mapping[str, Any], blank_id: int = 0) -> None:
        super().__init__()
        # Not those of a derived class: a checkpoint with other things than plain values could not be read again.
        self.save_hyperparameters("vocab", "scheduler", "blank_id")
        self.vocab = list(vocab)
        self.scheduler = dict(scheduler)
        self.blank_id = blank_id
        self._begin_validation()
        self._num_utterances, self._num_infeasible = 0, torch.zeros((), dtype=torch.long)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch, in nats a token of its feasible utterances."""
        if batch_idx == 0:  # no hook, which a derived class may have for itself
            self._num_utterances, self._num_infeasible = 0, torch.zeros((), dtype=torch.long, device=self.device)
        self._check(batch)
        features, lengths = self.augmented(batch)
        result = self.batch_loss(features, lengths, batch)
        self._note_infeasible(batch, result)
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:  # the steps of which Lightning tells its loggers
            self.log("train_loss", result.loss, batch_size=len(batch))
        return result.loss

    def augmented(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What training hears of a batch, (N, T, C) and (N,): here, what there is."""
        return batch.features, batch.feature_lengths

    def batch_loss(self, features: Tensor, lengths: Tensor, batch: Batch) -> CTCLoss:
        """The loss of a batch with these features in place of its own."""
        log_probs, lengths = self._scores(features, lengths)
        return ctc_loss(log_probs, lengths, batch.tokens, batch.token_lengths, self.blank_id)

    def _note_infeasible(self, batch: Batch, result: CTCLoss) -> None:
        """Count the transcripts of a training batch that do not fit their frames."""
        self._num_utterances += len(batch)
        self._num_infeasible += result.num_infeasible

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Make the gradient of an epoch's last step a mean too, where fewer batches than the others have are left.

        Lightning divides each batch's loss by `accumulate_grad_batches`, however many there are.
        """
        wanted = self.trainer.accumulate_grad_batches
        given = self.trainer.fit_loop.batch_idx % wanted + 1
        if given < wanted:
            gradients = [p.grad for p in self.parameters() if p.grad is not None]
            torch._foreach_mul_(gradients, wanted / given)

    def on_validation_epoch_start(self) -> None:
        """Judge the training data that have been seen now."""
        require_feasible(int(self._num_infeasible), self._num_utterances, hint=self._more_frames)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode one batch and count its errors; infeasible utterances are out of the loss, but in the counts."""
        if batch_idx == 0:
            self._begin_validation()
        self._check(batch)
        log_probs, lengths = self._scores(batch.features, batch.feature_lengths)
        result = ctc_loss(log_probs, lengths, batch.tokens, batch.token_lengths, self.blank_id)
        self._nats += float(result.nats)
        self._tokens += float(result.num_tokens)
        self._has_infeasible |= bool(result.num_infeasible)
        path = best_path(log_probs, lengths)
        self._num_frames += int(lengths.sum())
        self._num_blank += int((path == self.blank_id).sum())
        for utterance, reference, ids in zip(batch.ids, batch.texts, collapse(path, self.blank_id), strict=True):
            hypothesis = spelled(self.vocab, ids)
            self.utterances.append(
                UtteranceResult(utterance, reference, hypothesis, count_errors(reference, hypothesis))
            )

    def _begin_validation(self) -> None:
        """Begin the counts of a validation."""
        self.utterances: list[UtteranceResult] = []
        self._nats = self._tokens = 0.0
        self._has_infeasible = False
        self._num_frames = self._num_blank = 0

    def on_validation_epoch_end(self) -> None:
        """Log the epoch: WER and CER from sums of integers, the loss in nats a token, and how much was left unsaid."""
        outcome = self.outcome() or ValidationOutcome((), 0.0)
        counts = outcome.counts
        if not self._tokens and self._has_infeasible:
            raise InfeasibleError(f"no transcript of the validation data fits its frames: {self._more_frames}")
        if not self._tokens:
            raise DataError(
                "no transcript of the validation data holds a symbol of the vocabulary: validate on transcripts in the "
                "language, the script and the letter case of those in training"
            )
        if not counts.words:
            raise DataError("the references of the validation data have no word: give Batch their `texts`")
        metrics = {"val_wer": counts.wer, "val_cer": counts.cer, "val_loss": self._nats / self._tokens}
        self.log_dict(metrics, prog_bar=True)
        self.log_dict({"val_blank_share": outcome.blank_share, "val_empty_share": outcome.empty_share})

    def outcome(self) -> ValidationOutcome | None:
        """Outcome of the last validation pass; None before the first."""
        if not self.utterances:
            return None
        return ValidationOutcome(tuple(self.utterances), self._num_blank / max(1, self._num_frames))

    def counts(self) -> ErrorCounts:
        """Error counts of the last validation pass, summed over its utterances."""
        outcome = self.outcome()
        return outcome.counts if outcome else ErrorCounts()

    def _scores(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives. The loss would say of a slip in it what no user understands, and not whose it is."""
        owner = f"model.target: {type(self).__name__}.forward"
        return validated_scores(self(features, lengths), len(lengths), len(self.vocab), owner)

    def _check(self, batch: Any) -> None:
        """A user's own LightningDataModule may give anything, and torch reads past its arrays without a word."""
        if not isinstance(batch, Batch):
            kind = f"{Batch.__module__}.{Batch.__qualname__}"
            raise DataError(f"data.target yields a {type(batch).__name__}, but {type(self).__name__} takes a {kind}")
        batch.check()
        validate_targets(batch.tokens, batch.token_lengths, len(self.vocab), self.blank_id)

    def _schedule(self) -> Schedule:
        """The section `scheduler`, laid over the whole horizon."""
        total_steps = int(self.trainer.estimated_stepping_batches)
        if total_steps < 0:
            raise ConfigError(
                "data.target: the training DataLoader has no length, and schedules span the whole horizon: give its "
                "dataset a __len__, or say trainer.limit_train_batches"
            )
        return Schedule(total_steps=total_steps, **self.scheduler)

    def scheduled(
        self, optimizer: torch.optim.Optimizer, rates: Sequence[Callable[[int], float]] | None = None
    ) -> OptimizerLRSchedulerConfig:
        """An optimiser whose rates follow the section `scheduler`, step by step: for `configure_optimizers`.

        Args:
            optimizer: with the highest rates.
            rates: of each of its parameter groups, a function of the step that gives a factor; None: the section's.
        """
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._schedule() if rates is None else list(rates))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def outcome_of(module: pl.LightningModule) -> ValidationOutcome | None:
    """Outcome of a module's last validation pass; None if the module is no `CTCModule`."""
    return module.outcome() if isinstance(module, CTCModule) else None
