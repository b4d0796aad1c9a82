"""Loggers of curves: TensorBoard, and Weights & Biases on request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from torch.utils.tensorboard.summary import hparams

from tune_asr.config.sections import LoggingSection
from tune_asr.errors import StorageError
from tune_asr.training import wandb_run
from tune_asr.training.alone import be_first
from tune_asr.training.checkpoints import load_checkpoint
from tune_asr.training.epochs import METRICS


@dataclass(frozen=True, slots=True)
class TrialRun:
    """One trial of a search, as its loggers show it."""

    search: str
    """Name of the search."""
    number: str
    """Number of the trial."""
    values: Mapping[str, object]
    """Searched values, by dotted key."""
    off: Mapping[str, object] = field(default_factory=dict)
    """Keys that this trial lacks and others have, each with a value of its kind."""


def make_loggers(
    section: LoggingSection,
    save_dir: Path,
    *,
    name: str,
    trial: TrialRun | None = None,
    resume_from: Path | None = None,
) -> list[Logger]:
    """Build the Lightning loggers of one training.

    Args:
        section: section `logging`.
        save_dir: folder of all loggers.
        name: folder of TensorBoard's runs under `save_dir`.
        trial: trial to train, whose number names the folder of its run; Lightning's `version_0`, ... without one.
        resume_from: checkpoint to resume. TensorBoard forgets later steps, which a killed trial logged: they are
            logged again.

    Raises:
        ConfigError: W&B cannot be started.
        StorageError: the folder cannot be written.
    """
    be_first()
    loggers: list[Logger] = []
    if section.tensorboard:
        loggers.append(_tensorboard(save_dir, name, trial, purge_step=_steps(resume_from)))
    if section.use_wandb:
        loggers.append(_wandb(section, save_dir, trial))
    return loggers


def close(loggers: Sequence[Logger]) -> None:
    """End the W&B run before the process trains again."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            wandb_run.finish(logger.experiment)


def _steps(checkpoint: Path | None) -> int:
    """Return the optimiser steps of a checkpoint.

    The file is mapped: its weights are not read.
    """
    return 0 if checkpoint is None else load_checkpoint(checkpoint, mapped=True)["global_step"]


def _tensorboard(save_dir: Path, name: str, trial: TrialRun | None, *, purge_step: int) -> Logger:
    try:
        # By default Lightning shows the module's arguments as hyperparameters, and a metric that is always -1.
        version = trial.number if trial else None
        logger = TensorBoardLogger(save_dir, name=name, version=version, default_hp_metric=False, purge_step=purge_step)
        writer = logger.experiment  # makes the folder
        if trial:
            # TensorBoard's table shows the last values of these curves, which exist even if the trial is killed.
            # `SummaryWriter.add_hparams` would write them into a run of their own.
            for summary in _table(trial):
                writer.file_writer.add_summary(summary)
    except OSError as error:
        raise StorageError(
            f"{save_dir}: cannot be written: {error.strerror}", hint="Choose another logging.save_dir."
        ) from error
    return logger


def _table(trial: TrialRun) -> Sequence[Summary]:
    """Return the columns of TensorBoard's table, and the trial's row.

    TensorBoard takes the columns from one run, so they hold the keys of all trials.
    """
    values = {key: _plain(value) for key, value in trial.values.items()}
    off = {key: _plain(value) for key, value in trial.off.items()}
    metrics = dict.fromkeys(METRICS, 0.0)
    columns, _, _ = hparams({**values, **off}, metrics)  # type: ignore[no-untyped-call]
    _, start, end = hparams(values, metrics)  # type: ignore[no-untyped-call]
    return columns, start, end


def _plain(value: object) -> bool | int | float | str:
    """Return a value for TensorBoard's table, others as JSON."""
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _wandb(section: LoggingSection, save_dir: Path, trial: TrialRun | None) -> Logger:
    run_name = "-".join(part for part in (section.run_name, trial.number if trial else None) if part) or None
    group, values = (trial.search, dict(trial.values)) if trial else (None, {})
    return wandb_run.start(section.project, run_name, save_dir, group, values)
