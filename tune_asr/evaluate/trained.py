"""Recogniser of a checkpoint, run by PyTorch as in the validation of its training.

Shapes: N recordings, T frames, C mel bins, T' output frames, V symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem, SettingError, StorageError
from tune_asr.inference.recogniser import Recording
from tune_asr.speech.text.vocabulary import spelled
from tune_asr.training.checkpoints import Content, hyper_parameters, load_checkpoint, without_record
from tune_asr.training.ctc import greedy_decode, validated_scores
from tune_asr.training.data import TrainingData, load_data
from tune_asr.training.features.log_mel import log_mels
from tune_asr.training.fit import explain_errors
from tune_asr.training.precision import resolve_precision
from tune_asr.training.prepare import build_module, module_class
from tune_asr.training.trainer import quieten


@dataclass(frozen=True, slots=True)
class TrainedRecogniser:
    """Module of a checkpoint, on the device of its training."""

    config: Config
    module: Any
    """Module set up by Fabric: it converts inputs to the number format of the training."""
    vocab: Sequence[str]
    """Symbols by id."""
    blank_id: int
    device: torch.device

    @classmethod
    def load(cls, checkpoint: Path, config: Config | None, say: Callable[[str], object]) -> TrainedRecogniser:
        """Load a checkpoint: its scored weights, averaged or not.

        Args:
            checkpoint: file that `train` or a trial saved.
            config: configuration in a results folder; by default that in the checkpoint itself.
            say: function that takes a line for people.

        Raises:
            ConfigError: a custom class cannot be imported or built.
            StorageError: the file is damaged, or no checkpoint of a training.
        """
        quieten()
        content = load_checkpoint(checkpoint)
        config = config or _config_of(content, checkpoint)
        torch.set_num_threads(config.trainer.num_threads)
        torch.backends.cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision(config.precision.float32_matmul)
        _require_forward(config)
        with explain_errors(config):
            vocab, blank_id = _symbols(content, config)
            module = build_module(config, TrainingData(pl.LightningDataModule(), vocab, blank_id))
            _fill(module, content, checkpoint)
            fabric = _fabric(config, say)
            return cls(config, fabric.setup_module(module.eval()), vocab, blank_id, fabric.device)

    @torch.inference_mode()
    def texts(self, recordings: Sequence[Recording]) -> list[str]:
        """Transcribe recordings in one batch.

        Raises:
            SettingError: the output of a custom module is none of CTC, or it raised.
        """
        section = self.config.features
        features = log_mels(recordings, sample_rate=section.sample_rate, num_mel_bins=section.num_mel_bins)
        lengths = torch.tensor([len(frames) for frames in features], device=self.device)
        with explain_errors(self.config):
            given = self.module(pad_sequence(features, batch_first=True).to(self.device), lengths)
            log_probs, output_lengths = self._checked(given, len(recordings))
        found = greedy_decode(log_probs, output_lengths, self.blank_id)
        return [spelled(self.vocab, ids) for ids in found]

    def _checked(self, given: object, num_utterances: int) -> tuple[Tensor, Tensor]:
        owner = f"model.target: {type(self.module.module).__name__}.forward"
        return validated_scores(given, num_utterances, len(self.vocab), owner)


def _require_forward(config: Config) -> None:
    """Refuse a custom module that cannot be called."""
    target = module_class(config)
    if target.forward is pl.LightningModule.forward or target.forward is torch.nn.Module.forward:
        raise ConfigError(
            f"model.target: {target.__qualname__} has no forward, so it cannot be run outside of its training",
            hint="Give it forward(features, feature_lengths), which returns log-probabilities and their lengths.",
        )


def _config_of(content: Content, checkpoint: Path) -> Config:
    """Return the configuration recorded in a checkpoint."""
    try:
        return from_values(dict(content["origin"]["config"]), str(checkpoint))
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise without_record(checkpoint, error) from error


def _symbols(content: Content, config: Config) -> tuple[tuple[str, ...], int]:
    """Return vocabulary and blank.

    They come from the data if the module keeps none.
    """
    saved = hyper_parameters(content)
    if vocab := saved.get("vocab"):
        return tuple(vocab), saved.get("blank_id", 0)
    data = load_data(config)
    return data.vocab, data.blank_id


def _fill(module: pl.LightningModule, content: Content, checkpoint: Path) -> None:
    try:
        module.load_state_dict(content["state_dict"])
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        what = f"the weights are not those of the model: {error}"
        hint = "Give another checkpoint, or restore the code of model.target."
        raise StorageError(Problem(str(checkpoint), what, hint)) from error


def _fabric(config: Config, say: Callable[[str], object]) -> Fabric:
    """Prepare device and number format of the training.

    Without that device, or a format that it computes, the CPU and float32 take their place.
    """
    accelerator = config.trainer.model_dump().get("accelerator", "auto")
    wanted = config.precision.precision
    try:
        precision, _ = resolve_precision(wanted, accelerator)
        return Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]
    except (SettingError, RuntimeError, ValueError) as error:
        why = " ".join(str(error).split("\n")[0].split())
        say(f"evaluated on the CPU in float32, not as trained ({accelerator}, {wanted}): {why}")
        return Fabric(accelerator="cpu", devices=1, precision="32-true")
