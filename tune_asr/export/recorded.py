"""Checkpoint to export, with its record: configuration, scores and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.record.choice import TrialRecord
from tune_asr.record.events import WordCounts
from tune_asr.record.figures import Figures
from tune_asr.training.checkpoints import INITIAL_SHA256, history, hyper_parameters, load_checkpoint, without_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Trained recogniser and its record."""

    name: str
    """Origin, for people."""
    config: Config
    """Configuration of its training."""
    weights: Mapping[str, Tensor]
    """State of its LightningModule, on the CPU."""
    vocab: Sequence[str] = ()
    """Symbols by id; empty if a custom module does not save them."""
    averaged_epochs: Sequence[int] = ()
    """Epochs whose weights were averaged; empty for the weights of one epoch."""
    figures: Figures
    fingerprint: str | None
    """Hash of training and validation data; None for a custom data module."""
    initial_sha256: str | None
    """Hash of the file that `model.init_from` names, if it is on record."""
    is_exact: bool
    """Whether it was trained in float32 on a CPU.

    Its error counts are then the same on that CPU, and differ by ties alone on another.
    """


def read_recorded(checkpoint: Path, *, name: str, record: TrialRecord | None = None) -> Recorded:
    """Read a checkpoint and its record.

    Args:
        checkpoint: file that `train` or a trial saved.
        name: origin, for people.
        record: record in a results folder; by default that in the checkpoint itself.

    Raises:
        ConfigError: there is no such file.
        StorageError: the file is damaged, or no checkpoint of a training.
    """
    content = load_checkpoint(checkpoint)
    try:
        origin = content.get("origin", {})
        if record is None:
            epoch = history(content)[-1]
            record = TrialRecord(
                config=from_values(dict(origin["config"]), str(checkpoint)),
                data_fingerprint=origin["data_fingerprint"],
                figures=Figures(epoch=epoch.epoch, scores=epoch.scores, counts=WordCounts()),
            )
        weights = dict(content["state_dict"])
        if not all(isinstance(value, Tensor) for value in weights.values()):
            raise TypeError("its state_dict holds more than tensors")
        return Recorded(
            name=name,
            config=record.config,
            weights=weights,
            vocab=hyper_parameters(content).get("vocab", ()),
            averaged_epochs=content["averaged"]["epochs"] if "averaged" in content else (),
            figures=record.figures,
            fingerprint=record.data_fingerprint or origin["data_fingerprint"],
            initial_sha256=origin.get(INITIAL_SHA256),
            is_exact={origin.get("device", "cpu"), record.config.features.device} == {"cpu"}
            and record.config.precision.precision == "32-true",
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise without_record(checkpoint, error) from error
