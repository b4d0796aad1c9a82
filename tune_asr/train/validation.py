"""Validation of weights outside of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from tune_asr.config.sections import Config
from tune_asr.scoring.scores import Scores
from tune_asr.scoring.transcript import Transcript
from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.data import TrainingData
from tune_asr.training.fit import explain_errors
from tune_asr.training.measured import validation_scores
from tune_asr.training.prepare import build_module
from tune_asr.training.trainer import make_trainer


@dataclass(frozen=True, slots=True)
class Validation:
    """Result of a validation pass."""

    scores: Scores
    utterances: tuple[Transcript, ...]
    """Hypotheses; empty for a module that is not a `CTCModule`."""


def validate(config: Config, data: TrainingData, weights: Mapping[str, Tensor]) -> Validation:
    """Validate weights as at the end of an epoch.

    Args:
        config: configuration that trained the weights.
        data: data of the configuration.
        weights: state of its module.
    """
    module = build_module(config, data)
    module.load_state_dict(dict(weights))
    trainer = make_trainer(config)
    with explain_errors(config):
        trainer.validate(module, datamodule=data.module, verbose=False)
    outcome = outcome_of(module)
    return Validation(validation_scores(trainer, module, data.metric), outcome.utterances if outcome else ())
