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
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.training.batching import Batch
from tune_asr.training.ctc import (
    CTCLoss,
    ctc_loss,
    require_feasible,
    validate_targets,
    validated_scores,
)
from tune_asr.training.outcome import ValidationOutcome, ValidationPass
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
        self._validation = ValidationPass(self.vocab, blank_id)
        self._outcome: ValidationOutcome | None = None
        self._num_utterances, self._infeasible = 0, list[Tensor]()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch, in nats a token of its feasible utterances."""
        if batch_idx == 0:  # no hook, which a derived class may have for itself
            self._num_utterances, self._infeasible = 0, list[Tensor]()
        self._check(batch)
        features, lengths = self.augmented(batch)
        result = self.batch_loss(features, lengths, batch)
        self._note_infeasible(batch, result)
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:  # the steps of which Lightning tells its loggers
            self.log("train_loss", result.loss, batch_size=len(batch))
        return result.loss

    def augmented(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Features and lengths to train on, (N, T, C) and (N,): those of the batch, unless overridden."""
        return batch.features, self._lengths(batch)

    def _lengths(self, batch: Batch) -> Tensor:
        """Feature lengths of a batch, where `forward` takes them."""
        return batch.feature_lengths

    def batch_loss(self, features: Tensor, lengths: Tensor, batch: Batch) -> CTCLoss:
        """Loss of a batch with these features in place of its own.

        Args:
            features: (N, T, C).
            lengths: (N,), on the CPU or where the features are.
            batch: where the transcripts are.
        """
        return self._loss(*self._scores(features, lengths), batch)

    def _loss(self, log_probs: Tensor, lengths: Tensor, batch: Batch) -> CTCLoss:
        """Loss of log-probabilities; transcripts are taken from where their lengths are."""
        targets = batch.on_cpu() if lengths.device.type == "cpu" else batch
        return ctc_loss(log_probs, lengths, targets.tokens, targets.token_lengths, self.blank_id)

    def _note_infeasible(self, batch: Batch, result: CTCLoss) -> None:
        """Count the transcripts of a training batch that do not fit their frames."""
        self._num_utterances += len(batch)
        self._infeasible.append(result.num_infeasible)

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
        number = sum(torch.stack(self._infeasible).tolist()) if self._infeasible else 0
        require_feasible(number, self._num_utterances, hint=self._more_frames)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode one batch; infeasible utterances are out of the loss, but in the counts."""
        if batch_idx == 0:
            self._validation, self._outcome = ValidationPass(self.vocab, self.blank_id), None
        self._check(batch)
        log_probs, lengths = self._scores(batch.features, self._lengths(batch))
        self._validation.add(batch, log_probs, lengths, self._loss(log_probs, lengths, batch))

    def on_validation_epoch_end(self) -> None:
        """Log the epoch: WER and CER from sums of integers, the loss in nats a token, and how much was left unsaid."""
        outcome = self.outcome() or ValidationOutcome((), 0.0, 0, 0, 0.0)
        counts = outcome.counts
        if not outcome.num_tokens and outcome.num_infeasible:
            raise InfeasibleError(f"no transcript of the validation data fits its frames: {self._more_frames}")
        if not outcome.num_tokens:
            raise DataError(
                "no transcript of the validation data holds a symbol of the vocabulary: validate on transcripts in the "
                "language, the script and the letter case of those in training"
            )
        if not counts.words:
            raise DataError("the references of the validation data have no word: give Batch their `texts`")
        metrics = {"val_wer": counts.wer, "val_cer": counts.cer, "val_loss": outcome.nats / outcome.num_tokens}
        self.log_dict(metrics, prog_bar=True)
        self.log_dict({"val_blank_share": outcome.blank_share, "val_empty_share": outcome.empty_share})

    def outcome(self) -> ValidationOutcome | None:
        """Outcome of the last validation pass; None before the first."""
        if self._outcome is None:
            self._outcome = self._validation.outcome()
        return self._outcome

    def counts(self) -> ErrorCounts:
        """Error counts of the last validation pass, summed over its utterances."""
        outcome = self.outcome()
        return outcome.counts if outcome else ErrorCounts()

    def _scores(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities and lengths of `forward`, checked."""
        return self._checked(self(features, lengths), len(lengths))

    def _checked(self, given: object, num_utterances: int) -> tuple[Tensor, Tensor]:
        """Refuse a slip in `forward`: the loss would not say whose it is, or fail to notice."""
        owner = f"model.target: {type(self).__name__}.forward"
        return validated_scores(given, num_utterances, len(self.vocab), owner)

    def _check(self, batch: Any) -> None:
        """A user's own LightningDataModule may give anything, and torch reads past its arrays without a word."""
        if not isinstance(batch, Batch):
            kind = f"{Batch.__module__}.{Batch.__qualname__}"
            raise DataError(f"data.target yields a {type(batch).__name__}, but {type(self).__name__} takes a {kind}")
        batch.check()
        small = batch.on_cpu()
        validate_targets(small.tokens, small.token_lengths, len(self.vocab), self.blank_id)

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
