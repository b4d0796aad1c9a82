"""Where a training's curves go: TensorBoard, and Weights & Biases where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from tune_asr.config.sections import LoggingSection
from tune_asr.errors import ConfigError, StorageError


def make_loggers(
    section: LoggingSection,
    save_dir: Path,
    *,
    name: str,
    version: str | None = None,
    resume_from: Path | None = None,
) -> list[Logger]:
    """Lightning loggers for one training.

    Args:
        section: what is asked for.
        save_dir: the folder of all of them.
        name: the folder under `save_dir` that TensorBoard's runs stand in.
        version: the run's own folder; Lightning's `version_0`, `version_1`, ... where none is given.
        resume_from: the checkpoint that the training goes on from. What a run of this version logged behind it, before
            it was killed, is logged again: TensorBoard is told to forget it.

    Raises:
        ConfigError: W&B was asked for and cannot be started.
        StorageError: the folder cannot be written.
    """
    loggers: list[Logger] = []
    if section.tensorboard:
        loggers.append(_tensorboard(save_dir, name, version, purge_step=_steps(resume_from)))
    if section.use_wandb:
        loggers.append(_wandb(section, save_dir, version))
    return loggers


def close(loggers: Sequence[Logger]) -> None:
    """End the W&B run: a process that trains again begins a new one, and what W&B prints at its end is printed now."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def _steps(checkpoint: Path | None) -> int:
    """Optimiser steps behind a checkpoint. It is mapped, not read: its weights are no matter here."""
    return 0 if checkpoint is None else int(torch.load(checkpoint, mmap=True, weights_only=True)["global_step"])


def _tensorboard(save_dir: Path, name: str, version: str | None, *, purge_step: int) -> Logger:
    try:
        # Its default would draw a metric of its own, always -1, once more after each resume.
        logger = TensorBoardLogger(save_dir, name=name, version=version, default_hp_metric=False, purge_step=purge_step)
        _ = logger.experiment  # makes the folder
    except OSError as error:
        raise StorageError(f"{save_dir}: cannot be written: {error.strerror}: choose logging.save_dir") from error
    return logger


def _wandb(section: LoggingSection, save_dir: Path, version: str | None) -> Logger:
    run_name = "-".join(part for part in (section.run_name, version) if part) or None
    try:
        logger = WandbLogger(project=section.project, name=run_name, save_dir=save_dir)
        _ = logger.experiment  # starts the run, and fails here rather than in the middle of the first epoch
    except Exception as error:  # wandb raises its own kinds, and others from below
        raise ConfigError(
            f"logging.use_wandb: W&B cannot be started: {error}: run `wandb login`, set WANDB_MODE=offline, or "
            "turn it off"
        ) from error
    return logger
