"""SimpleCTCModule: LightningModule of the built-in encoders.

Legend: N utterances, T feature frames, C mel bins, T' output frames, V symbols (blank among them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from tune_asr.config.keys import facts
from tune_asr.errors import DataError, SettingError
from tune_asr.speech.audio.frames import output_frames
from tune_asr.training.augment.perturb import Perturbation
from tune_asr.training.augment.spec_augment import SpecAugment
from tune_asr.training.batching import Batch
from tune_asr.training.ctc import CTCLoss, padded_min_frames
from tune_asr.training.ctc_module import CTCModule
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.graphs.cache import Graphs
from tune_asr.training.optimizer import adamw, frozen


class SimpleCTCModule(CTCModule):
    """CTC recogniser around a built-in encoder.

    Args:
        vocab: symbols by id, the blank at `blank_id`.
        scheduler: section `scheduler` of the configuration.
        blank_id: id of the blank.
        model: section `model`: `target` names the encoder, the rest are its parameters.
        optimizer: section `optimizer`.
        augment: section `augment`.
        num_mel_bins: C.
        sample_rate: rate of the features, Hz.
    """

    _more_frames = "Lower model.subsampling."

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
        super().__init__(vocab, scheduler, blank_id)
        self.save_hyperparameters("model", "optimizer", "augment", "num_mel_bins", "sample_rate")
        settings = dict(augment)
        self.mask_from_epoch = settings.pop("start_epoch", 1)
        settings.pop("noise_dir", None)
        perturbed = {key: settings.pop(key, 0.0) for key in ("speed", "gain_db", "noise_p", "noise_snr_db")}
        self.perturb = Perturbation(**perturbed, sample_rate=sample_rate)
        self.augment = SpecAugment(**settings)
        self.counts_infeasible = True
        """False if all training data have been checked: one transcript may be too large a share of a part of them."""
        self.freeze_steps = model.get("freeze_steps", 0)
        self.encoder = ENCODERS[model["target"]](num_mel_bins, len(vocab), **encoder_arguments(model))
        self.graphs: Graphs | None = None
        """Set in a training with `trainer.cuda_graphs`."""

    @property
    def is_built_in(self) -> bool:
        """True unless a derived class has another network."""
        return type(self).forward is SimpleCTCModule.forward and type(self.encoder) in ENCODERS.values()

    def forward(self, features: Tensor, feature_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Score frames.

        (N, T, C), (N,) -> (N, T', V) float32, (N,).
        """
        log_probs, lengths = self.encoder(features, feature_lengths)
        return log_probs, lengths

    def augmented(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Augment features, (N, T, C), and lengths, (N,)."""
        features, lengths = self.perturb(batch.features, self._lengths(batch))
        if self.current_epoch + 1 >= self.mask_from_epoch:
            features = self.augment(features, lengths)
        return features, lengths

    def _lengths(self, batch: Batch) -> Tensor:
        """Feature lengths on the CPU: nothing waits for a device."""
        return batch.on_cpu().feature_lengths

    def _scores(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of `forward`, checked for custom encoders alone."""
        if self.training and self.graphs is not None:
            captured = self.graphs.log_probs(features, lengths)
            if captured is not None:
                return captured, output_frames(lengths, self.hparams["model"]["subsampling"])
        given = self(features, lengths.to(features.device, non_blocking=True))
        if not self.is_built_in:
            return self._checked(given, len(lengths))
        log_probs, output_lengths = given
        if lengths.device == log_probs.device:
            return log_probs, output_lengths
        return log_probs, output_frames(lengths, self.hparams["model"]["subsampling"])

    def _note_infeasible(self, batch: Batch, result: CTCLoss) -> None:
        """Count infeasible transcripts, at lengths without augmentation."""
        if not self.counts_infeasible:
            return
        small = batch.on_cpu()
        frames = output_frames(small.feature_lengths, self.hparams["model"]["subsampling"])
        self._num_utterances += len(batch)
        self._infeasible.append((padded_min_frames(small.tokens, small.token_lengths) > frames).sum())

    def _check(self, batch: Any) -> None:
        """Check a batch, and its number of mel bins."""
        super()._check(batch)
        bins, wanted = batch.features.shape[2], self.hparams["num_mel_bins"]
        if bins != wanted:
            what = f"data.target yields {bins} mel bins, but features.num_mel_bins is {wanted}"
            raise DataError(what, hint=f"Set features.num_mel_bins to {bins}, or yield {wanted}.")

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Build AdamW under a schedule of the whole horizon."""
        # Lightning cannot clip the gradients of a fused optimiser under mixed precision.
        fused = "mixed" not in str(self.trainer.precision)
        optimizer = adamw(self, self.hparams["optimizer"], fused=fused)
        schedule = self._schedule()
        if 0 < schedule.total_steps <= self.freeze_steps and not self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            raise SettingError(
                f"model.freeze_steps is {self.freeze_steps}, but must be below the {schedule.total_steps} optimiser "
                "steps of the horizon, trainer.max_epochs",
                hint="Lower model.freeze_steps: the encoder would never learn.",
            )
        held = frozen(schedule, self.freeze_steps) if self.freeze_steps else schedule
        names = [group["name"] for group in optimizer.param_groups]
        rates = [schedule if name.startswith("output") else held for name in names]
        return self.scheduled(optimizer, rates)


def encoder_arguments(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of `model` that build the encoder."""
    return {key: value for key, value in model.items() if facts(f"model.{key}").is_argument is not False}
