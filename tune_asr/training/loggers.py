"""Where a training's curves go: TensorBoard, and Weights & Biases where it is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from torch.utils.tensorboard.summary import hparams

from tune_asr.config.sections import LoggingSection
from tune_asr.errors import ConfigError, StorageError
from tune_asr.training.epochs import METRICS


@dataclass(frozen=True, slots=True)
class TrialRun:
    """What the run of a trial is called, and told apart by: it is one of many in a search."""

    search: str
    number: str
    values: Mapping[str, Any]
    """The searched values, by their path."""


def make_loggers(
    section: LoggingSection,
    save_dir: Path,
    *,
    name: str,
    trial: TrialRun | None = None,
    resume_from: Path | None = None,
) -> list[Logger]:
    """Lightning loggers for one training.

    Args:
        section: what is asked for.
        save_dir: the folder of all of them.
        name: the folder under `save_dir` that TensorBoard's runs stand in.
        trial: the trial that is trained, whose number is the run's own folder; without one the folder is Lightning's
            `version_0`, `version_1`, ...
        resume_from: the checkpoint that the trial goes on from. What its run logged behind it, before it was killed, is
            logged again: TensorBoard is told to forget it.

    Raises:
        ConfigError: W&B was asked for and cannot be started.
        StorageError: the folder cannot be written.
    """
    loggers: list[Logger] = []
    if section.tensorboard:
        loggers.append(_tensorboard(save_dir, name, trial, purge_step=_steps(resume_from)))
    if section.use_wandb:
        loggers.append(_wandb(section, save_dir, trial))
    return loggers


def close(loggers: Sequence[Logger]) -> None:
    """End the W&B run: a process that trains again begins a new one, and what W&B prints at its end is printed now."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def _steps(checkpoint: Path | None) -> int:
    """Optimiser steps behind a checkpoint. It is mapped, not read: its weights are no matter here."""
    return 0 if checkpoint is None else int(torch.load(checkpoint, mmap=True, weights_only=True)["global_step"])


def _tensorboard(save_dir: Path, name: str, trial: TrialRun | None, *, purge_step: int) -> Logger:
    try:
        # By default Lightning shows what the module was built with as hyperparameters, and a metric that is always -1.
        version = trial.number if trial else None
        logger = TensorBoardLogger(save_dir, name=name, version=version, default_hp_metric=False, purge_step=purge_step)
        writer = logger.experiment  # makes the folder
        if trial:
            # The table shows the last value of these curves: there is one for every epoch, however the trial ends.
            values = {key: _plain(value) for key, value in trial.values.items()}
            for summary in hparams(values, dict.fromkeys(METRICS, 0.0)):  # type: ignore[no-untyped-call]
                writer.file_writer.add_summary(summary)
    except OSError as error:
        raise StorageError(f"{save_dir}: cannot be written: {error.strerror}: choose logging.save_dir") from error
    return logger


def _plain(value: Any) -> Any:
    """A searched value as TensorBoard's table takes it: what is no number, text or truth value is shown as JSON."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _wandb(section: LoggingSection, save_dir: Path, trial: TrialRun | None) -> Logger:
    run_name = "-".join(part for part in (section.run_name, trial.number if trial else None) if part) or None
    group, values = (trial.search, dict(trial.values)) if trial else (None, {})
    try:
        import wandb

        # Started here, so that it fails before the first epoch; and not by Lightning, whose argument `anonymous` makes
        # W&B warn of it.
        run = wandb.init(
            project=section.project, name=run_name, dir=save_dir, group=group, config=values, resume="allow"
        )
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
        logger = WandbLogger(project=section.project, name=run_name, save_dir=save_dir, experiment=run)
    except Exception as error:  # wandb raises its own kinds, and others from below
        raise ConfigError(
            f"logging.use_wandb: W&B cannot be started: {error}: run `wandb login`, set WANDB_MODE=offline, or "
            "turn it off"
        ) from error
    return logger
