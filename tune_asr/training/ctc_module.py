"""CTCModule: training and validation of any CTC network.

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
    """CTC recogniser (Graves et al., 2006) without its network.

    A derived class, custom ones too, has two methods: `forward(features, feature_lengths)`, (N, T, C), (N,) ->
    log-probabilities (N, T', V), their lengths (N,) int64; and `configure_optimizers`, which may return
    `self.scheduled(optimizer)`.

    Args:
        vocab: symbols by id, the blank at `blank_id`.
        scheduler: section `scheduler` of the configuration.
        blank_id: id of the blank.
    """

    _more_frames = "Let forward leave more frames of each utterance."
    """Hint for transcripts too long for their frames."""

    def __init__(self, vocab: Sequence[str], scheduler: Mapping[str, Any], blank_id: int = 0) -> None:
        super().__init__()
        # Not those of a derived class: a checkpoint must hold plain values only, to be read again.
        self.save_hyperparameters("vocab", "scheduler", "blank_id")
        self.vocab = list(vocab)
        self.scheduler = dict(scheduler)
        self.blank_id = blank_id
        self._validation = ValidationPass(self.vocab, blank_id)
        self._outcome: ValidationOutcome | None = None
        self._num_utterances, self._infeasible = 0, list[Tensor]()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch, in nats per feasible token."""
        if batch_idx == 0:  # not in a hook, which a derived class may override
            self._num_utterances, self._infeasible = 0, list[Tensor]()
        self._check(batch)
        features, lengths = self.augmented(batch)
        result = self.batch_loss(features, lengths, batch)
        self._note_infeasible(batch, result)
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:  # steps logged by Lightning
            self.log("train_loss", result.loss, batch_size=len(batch))
        return result.loss

    def augmented(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return training features, (N, T, C), and lengths, (N,).

        A derived class may change those of the batch here.
        """
        return batch.features, self._lengths(batch)

    def _lengths(self, batch: Batch) -> Tensor:
        """Feature lengths of a batch, where `forward` takes them."""
        return batch.feature_lengths

    def batch_loss(self, features: Tensor, lengths: Tensor, batch: Batch) -> CTCLoss:
        """Loss of a batch with other features.

        Args:
            features: (N, T, C).
            lengths: (N,), on the CPU or where the features are.
            batch: where the transcripts are.
        """
        return self._loss(*self._scores(features, lengths), batch)

    def _loss(self, log_probs: Tensor, lengths: Tensor, batch: Batch) -> CTCLoss:
        """Loss of log-probabilities, with transcripts on the lengths' device."""
        targets = batch.on_cpu() if lengths.device.type == "cpu" else batch
        return ctc_loss(log_probs, lengths, targets.tokens, targets.token_lengths, self.blank_id)

    def _note_infeasible(self, batch: Batch, result: CTCLoss) -> None:
        """Count the infeasible transcripts of a training batch."""
        self._num_utterances += len(batch)
        self._infeasible.append(result.num_infeasible)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Scale an epoch's last gradient to a mean.

        It may have fewer batches than others, but Lightning divides each loss by `accumulate_grad_batches`.
        """
        wanted = self.trainer.accumulate_grad_batches
        given = self.trainer.fit_loop.batch_idx % wanted + 1
        if given < wanted:
            gradients = [p.grad for p in self.parameters() if p.grad is not None]
            torch._foreach_mul_(gradients, wanted / given)

    def on_validation_epoch_start(self) -> None:
        """Refuse training data with too many infeasible transcripts."""
        number = sum(torch.stack(self._infeasible).tolist()) if self._infeasible else 0
        require_feasible(number, self._num_utterances, hint=self._more_frames)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode one batch.

        Infeasible utterances count as errors, not as loss.
        """
        if batch_idx == 0:
            self._validation, self._outcome = ValidationPass(self.vocab, self.blank_id), None
        self._check(batch)
        log_probs, lengths = self._scores(batch.features, self._lengths(batch))
        self._validation.add(batch, log_probs, lengths, self._loss(log_probs, lengths, batch))

    def on_validation_epoch_end(self) -> None:
        """Log error rates, loss and shares of silence."""
        outcome = self.outcome() or ValidationOutcome((), 0.0, 0, 0, 0.0)
        counts = outcome.counts
        if not outcome.num_tokens and outcome.num_infeasible:
            raise InfeasibleError("no transcript of the validation data fits its frames", hint=self._more_frames)
        if not outcome.num_tokens:
            raise DataError(
                "no transcript of the validation data holds a symbol of the vocabulary",
                hint="Validate on transcripts in the language, script and letter case of those in training.",
            )
        if not counts.words:
            raise DataError("the references of the validation data have no word", hint="Give Batch their `texts`.")
        metrics = {"val_wer": counts.wer, "val_cer": counts.cer, "val_loss": outcome.nats / outcome.num_tokens}
        self.log_dict(metrics, prog_bar=True)
        self.log_dict({"val_blank_share": outcome.blank_share, "val_empty_share": outcome.empty_share})

    def outcome(self) -> ValidationOutcome | None:
        """Outcome of the last validation pass; None before the first."""
        if self._outcome is None:
            self._outcome = self._validation.outcome()
        return self._outcome

    def counts(self) -> ErrorCounts:
        """Error counts of the last validation pass, summed."""
        outcome = self.outcome()
        return outcome.counts if outcome else ErrorCounts()

    def _scores(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities and lengths of `forward`, checked."""
        return self._checked(self(features, lengths), len(lengths))

    def _checked(self, given: object, num_utterances: int) -> tuple[Tensor, Tensor]:
        """Check the output of `forward`."""
        owner = f"model.target: {type(self).__name__}.forward"
        return validated_scores(given, num_utterances, len(self.vocab), owner)

    def _check(self, batch: Any) -> None:
        """Check a batch: custom data may be anything."""
        if not isinstance(batch, Batch):
            kind = f"{Batch.__module__}.{Batch.__qualname__}"
            raise DataError(f"data.target yields a {type(batch).__name__}, but {type(self).__name__} takes a {kind}")
        batch.check()
        small = batch.on_cpu()
        validate_targets(small.tokens, small.token_lengths, len(self.vocab), self.blank_id, batch.ids)

    def _schedule(self) -> Schedule:
        """Section `scheduler` over the whole horizon."""
        total_steps = int(self.trainer.estimated_stepping_batches)
        if total_steps < 0:
            raise ConfigError(
                "data.target: the training DataLoader has no length, but schedules span the whole horizon",
                hint="Give its dataset a __len__, or set trainer.limit_train_batches.",
            )
        return Schedule(total_steps=total_steps, **self.scheduler)

    def scheduled(
        self, optimizer: torch.optim.Optimizer, rates: Sequence[Callable[[int], float]] | None = None
    ) -> OptimizerLRSchedulerConfig:
        """Attach section `scheduler` to an optimiser, for `configure_optimizers`.

        Args:
            optimizer: optimiser with the peak rates.
            rates: factor of each parameter group by step; None: that of the section for all.
        """
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._schedule() if rates is None else list(rates))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def outcome_of(module: pl.LightningModule) -> ValidationOutcome | None:
    """Outcome of a module's last validation; None unless a `CTCModule`."""
    return module.outcome() if isinstance(module, CTCModule) else None
