"""SimpleCTCModule: the LightningModule that built-in encoders share.

Legend: N utterances, T feature frames, C mel bins, T' output frames, V symbols (blank among them), U tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from tune_asr.errors import ConfigError, DataError, InfeasibleError, SettingError
from tune_asr.speech.scoring import ErrorCounts, count_errors
from tune_asr.speech.vocabulary import spelled
from tune_asr.training.augment import SpecAugment
from tune_asr.training.batching import Batch
from tune_asr.training.ctc import (
    best_path,
    collapse,
    ctc_loss,
    min_frames,
    require_feasible,
    validate_targets,
)
from tune_asr.training.data import SpeechDataModule
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.optimizer import adamw, frozen
from tune_asr.training.perturb import Perturbation
from tune_asr.training.schedules import Schedule

# Keys of the section `model` that say which encoder and how it starts, not how it is built.
NO_PARAMETERS = frozenset({"target", "init_from", "freeze_steps"})


@dataclass(frozen=True, slots=True)
class UtteranceResult:
    """What a validation pass made of one utterance."""

    id: str
    reference: str
    hypothesis: str
    counts: ErrorCounts


class SimpleCTCModule(pl.LightningModule):
    """A CTC recogniser (Graves et al., 2006) around one of the built-in encoders.

    Args:
        vocab: symbols by id, the blank at `blank_id`.
        scheduler: the section `scheduler` of the configuration.
        blank_id: the id of the blank.
        model: the section `model`: `target` names the encoder, the rest are its parameters.
        optimizer: the section `optimizer`.
        augment: the section `augment`.
        num_mel_bins: C.
        sample_rate: of the features, Hz.
    """

    def __init__(
        self,
        vocab: Sequence[str],
        scheduler: Mapping[str, Any],
        blank_id: int = 0,
        *,
        model: Mapping[str, Any],
        optimizer: Mapping[str, Any],
        augment: Mapping[str, Any],
        num_mel_bins: int,
        sample_rate: int = 8000,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.vocab = list(vocab)
        self.blank_id = blank_id
        settings = dict(augment)
        self.mask_from_epoch = settings.pop("start_epoch", 1)
        settings.pop("noise_dir", None)
        perturbed = {key: settings.pop(key, 0.0) for key in ("speed", "gain_db", "noise_p", "noise_snr_db")}
        self.perturb = Perturbation(**perturbed, sample_rate=sample_rate)
        self.augment = SpecAugment(**settings)
        self.freeze_steps = model.get("freeze_steps", 0)
        parameters = {key: value for key, value in model.items() if key not in NO_PARAMETERS}
        self.encoder = ENCODERS[model["target"]](num_mel_bins, len(vocab), **parameters)
        self.schedule: Schedule | None = None
        self.utterances: list[UtteranceResult] = []
        self._nats = self._tokens = 0.0
        self._has_infeasible = False
        self._num_frames = self._num_blank = 0
        self._num_utterances, self._num_infeasible = 0, torch.zeros((), dtype=torch.long)

    def forward(self, features: Tensor, feature_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T, C), (N,) -> log-probabilities (N, T', V) in float32, their lengths (N,)."""
        log_probs, lengths = self.encoder(features, feature_lengths)
        return log_probs, lengths

    def on_train_epoch_start(self) -> None:
        """Begin the counts of an epoch."""
        self._num_utterances, self._num_infeasible = 0, torch.zeros((), dtype=torch.long, device=self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch, in nats a token of its feasible utterances."""
        self._validate(batch)
        # All of ours have been judged by `fit`; of a part of them, one transcript may be more than its share.
        if not isinstance(getattr(self.trainer, "datamodule", None), SpeechDataModule):
            self._num_utterances += len(batch)
            self._num_infeasible += self._infeasible(batch)
        features, lengths = self.perturb(batch.features, batch.feature_lengths)
        if self.current_epoch + 1 >= self.mask_from_epoch:
            features = self.augment(features, lengths)
        loss = self.loss(features, lengths, batch)
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.global_step + 1) % every == 0:  # the steps of which Lightning tells its loggers
            self.log("train_loss", loss, batch_size=len(batch))
        return loss

    def loss(self, features: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
        """The loss of a batch with these features in place of its own, nats a token."""
        log_probs, lengths = self(features, lengths)
        return ctc_loss(log_probs, lengths, batch.tokens, batch.token_lengths, self.blank_id).loss

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
        """Judge a user's own training data, which have been seen now, and begin the counts of a validation."""
        require_feasible(int(self._num_infeasible), self._num_utterances)
        self.utterances = []
        self._nats = self._tokens = 0.0
        self._has_infeasible = False
        self._num_frames = self._num_blank = 0

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Decode one batch and count its errors; infeasible utterances are out of the loss, but in the counts."""
        self._validate(batch)
        log_probs, lengths = self(batch.features, batch.feature_lengths)
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

    def on_validation_epoch_end(self) -> None:
        """Log the epoch: WER and CER from sums of integers, the loss in nats a token, and how much was left unsaid."""
        counts = self.counts()
        if not self._tokens and self._has_infeasible:
            raise InfeasibleError("no transcript of the validation data fits its frames: lower model.subsampling")
        if not self._tokens:
            raise DataError(
                "no transcript of the validation data holds a symbol of the vocabulary: validate on transcripts in the "
                "language, the script and the letter case of those in training"
            )
        metrics = {"val_wer": counts.wer, "val_cer": counts.cer, "val_loss": self._nats / self._tokens}
        self.log_dict(metrics, prog_bar=True)
        self.log_dict({"val_blank_share": self.blank_share, "val_empty_share": self.empty_share})

    @property
    def blank_share(self) -> float:
        """The share of the last validation pass's output frames whose best symbol is the blank."""
        return self._num_blank / max(1, self._num_frames)

    @property
    def empty_share(self) -> float:
        """The share of its hypotheses that have no word."""
        return sum(not utterance.hypothesis.strip() for utterance in self.utterances) / max(1, len(self.utterances))

    def counts(self) -> ErrorCounts:
        """Error counts of the last validation pass, summed over its utterances."""
        return sum((utterance.counts for utterance in self.utterances), ErrorCounts())

    def _infeasible(self, batch: Batch) -> Tensor:
        """How many transcripts do not fit the frames that they have without augmentation."""
        frames = self.encoder.output_lengths(batch.feature_lengths, self.hparams["model"]["subsampling"])
        return (min_frames(batch.tokens, batch.token_lengths) > frames).sum()

    def _validate(self, batch: Any) -> None:
        """A user's own LightningDataModule may give anything, and torch reads past its arrays without a word."""
        if not isinstance(batch, Batch):
            kind = f"{Batch.__module__}.{Batch.__qualname__}"
            raise DataError(f"data.target yields a {type(batch).__name__}, but the built-in model takes a {kind}")
        bins, wanted = batch.features.shape[2], self.hparams["num_mel_bins"]
        if bins != wanted:
            raise DataError(f"data.target yields {bins} mel bins, but features.num_mel_bins is {wanted}")
        batch.check_lengths()
        validate_targets(batch.tokens, batch.token_lengths, len(self.vocab), self.blank_id)

    def on_objective(self, objective: float) -> None:
        """Take note of an epoch's objective: the plateau schedule waits for it. Called before the checkpoint."""
        if self.schedule is None or not self.schedule.observe(objective):
            return
        # The scheduler has made its step for the next batch already, under the rate before.
        scheduler: Any = self.lr_schedulers()
        for group, base, rate in zip(
            scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True
        ):
            group["lr"] = base * rate(scheduler.last_epoch)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW under a schedule that spans the whole horizon, step by step."""
        # Lightning cannot clip the gradients of a fused optimiser under mixed precision.
        fused = "mixed" not in str(self.trainer.precision)
        optimizer = adamw(self, self.hparams["optimizer"], fused=fused)
        total_steps = int(self.trainer.estimated_stepping_batches)
        if total_steps < 0:
            raise ConfigError(
                "data.target: the training DataLoader has no length, and schedules span the whole horizon: give its "
                "dataset a __len__, or say trainer.limit_train_batches"
            )
        if 0 < total_steps <= self.freeze_steps and not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            raise SettingError(
                f"model.freeze_steps is {self.freeze_steps}, but must be below the {total_steps} optimiser steps of "
                "the horizon, trainer.max_epochs: the encoder would never learn"
            )
        self.schedule = Schedule(total_steps=total_steps, **dict(self.hparams["scheduler"]))
        held = frozen(self.schedule, self.freeze_steps) if self.freeze_steps else self.schedule
        names = [group["name"] for group in optimizer.param_groups]
        rates = [self.schedule if name.startswith("output") else held for name in names]
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rates)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
