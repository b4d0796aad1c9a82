"""A validation pass outside of a training: over the weights of a checkpoint, or an average of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from tune_asr.config.sections import Config
from tune_asr.scoring.scores import Scores
from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.data import TrainingData
from tune_asr.training.fit import explain_errors
from tune_asr.training.measured import measured
from tune_asr.training.outcome import UtteranceResult
from tune_asr.training.prepare import build_module
from tune_asr.training.trainer import make_trainer


@dataclass(frozen=True, slots=True)
class Validation:
    """What weights make of the validation data; `utterances` is empty for a module that is no `CTCModule`."""

    scores: Scores
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
    with explain_errors(config):
        trainer.validate(module, datamodule=data.module, verbose=False)
    outcome = outcome_of(module)
    return Validation(measured(trainer, module, data.metric), outcome.utterances if outcome else ())
