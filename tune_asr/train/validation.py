"""A validation pass outside of a training: over the weights of a checkpoint, or an average of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from tune_asr.config.sections import Config
from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.data import TrainingData
from tune_asr.training.epochs import measured
from tune_asr.training.fit import build_module, ends_in_words
from tune_asr.training.outcome import UtteranceResult
from tune_asr.training.trainer import make_trainer


@dataclass(frozen=True, slots=True)
class Validation:
    """What weights make of the validation data; `utterances` is empty for a module that is no `CTCModule`."""

    metrics: dict[str, float]
    """`val_wer`, `val_cer`, `val_loss`."""
    utterances: tuple[UtteranceResult, ...]


def validate(config: Config, data: TrainingData, weights: Mapping[str, Tensor]) -> Validation:
    """Validate weights as a training with this configuration does at the end of an epoch.

    Args:
        config: what the weights were trained with.
        data: its data.
        weights: the state of its module.
    """
    module = build_module(config, data)
    module.load_state_dict(dict(weights))
    trainer = make_trainer(config)
    with ends_in_words(config):
        trainer.validate(module, datamodule=data.module, verbose=False)
    outcome = outcome_of(module)
    return Validation(measured(trainer, module), outcome.utterances if outcome else ())
