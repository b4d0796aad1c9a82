"""Module of a training, checked, with its first weights."""

from __future__ import annotations

import lightning.pytorch as pl

from tune_asr.config.sections import Config
from tune_asr.corpus.beside import initial_sha256
from tune_asr.scoring.metric import score_name
from tune_asr.training.checkpoints import INITIAL_SHA256, Origin
from tune_asr.training.ctc import require_feasible
from tune_asr.training.data import TrainingData
from tune_asr.training.features.noise import load_noise
from tune_asr.training.initial import initialise
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.optimizer import peak_rate
from tune_asr.training.seeding import seed_everything_for
from tune_asr.training.targets import construct, custom, import_target


def prepare(config: Config, data: TrainingData, *, is_new: bool) -> tuple[pl.LightningModule, Origin]:
    """Build the module and the origin of a training.

    Args:
        config: checked configuration.
        data: its data.
        is_new: whether the training starts; a resumed one gets its weights from the checkpoint.

    Raises:
        ConfigError: a custom class cannot be imported, or the initial weights do not fit.
        SettingError: a custom class cannot be built.
        DataError: too many transcripts do not fit their frames.
    """
    seed_everything_for(config.seed, "weights")
    module = build_module(config, data)
    origin = Origin(config=_with_score(config, data).model_dump(), data_fingerprint=data.fingerprint)
    if isinstance(module, SimpleCTCModule):
        noise = module.perturb.noises = load_noise(config)
        if noise and noise.fingerprint:
            origin["noise_fingerprint"] = noise.fingerprint
        if is_new:
            initialise(module, config)
        module.counts_infeasible = data.built_in is None
    check_feasible(config, data)
    if is_new and (initial := initial_sha256(config)):
        origin[INITIAL_SHA256] = initial
    return module, origin


def _with_score(config: Config, data: TrainingData) -> Config:
    """Return the configuration with `text.score` settled."""
    if data.built_in is None:
        return config
    return config.with_text(score=score_name(data.metric))


def module_class(config: Config) -> type[pl.LightningModule]:
    """Return the class of `model.target`: `SimpleCTCModule` for a built-in encoder.

    Raises:
        ConfigError: a custom class cannot be imported.
    """
    section = custom(config.model)
    return import_target(section.target, pl.LightningModule, "model") if section else SimpleCTCModule


def build_module(config: Config, data: TrainingData) -> pl.LightningModule:
    """Build the LightningModule of a configuration.

    Raises:
        ConfigError: a custom class cannot be imported, or does not take its parameters.
        SettingError: a custom class cannot be built.
    """
    target, vocab, scheduler = module_class(config), list(data.vocab), config.scheduler.model_dump()
    if section := custom(config.model):
        given = {"vocab": vocab, "scheduler": scheduler, "blank_id": data.blank_id}
        return construct(target, "model", section.parameters, **given)
    batches = config.trainer.accumulate_grad_batches
    utterances = data.built_in.utterances_a_step(batches) if data.built_in else None
    return SimpleCTCModule(
        vocab,
        scheduler,
        data.blank_id,
        model=config.model.model_dump(),
        optimizer=config.optimizer.model_dump() | {"lr": peak_rate(config, utterances)},
        augment=config.augment.model_dump(),
        num_mel_bins=config.features.num_mel_bins,
        sample_rate=config.features.sample_rate,
    )


def check_feasible(config: Config, data: TrainingData) -> None:
    """Check that nearly all training transcripts fit their frames.

    Raises:
        DataError: more than `MAX_INFEASIBLE_PERCENT` cannot be aligned.
    """
    if config.subsampling is None or data.built_in is None:
        return
    infeasible = data.built_in.infeasible_training(config.subsampling)
    where = f" at model.subsampling {config.subsampling} (for example {next(iter(infeasible), '')})"
    require_feasible(len(infeasible), data.built_in.num_train, where)
