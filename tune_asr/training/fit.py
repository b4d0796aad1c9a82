"""One training, whole: what `tune_asr.train` runs, and each trial of a search.

Equal configurations give equal weights and metrics, bit for bit on a CPU, whatever the process did before and however
often the training was interrupted at the end of an epoch and resumed from its checkpoint.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import Logger

from tune_asr.config.sections import Config, CustomTarget
from tune_asr.errors import ConfigError, DataError, StorageError
from tune_asr.speech.survey import MAX_INFEASIBLE_PERCENT
from tune_asr.training.data import SpeechDataModule, load_data
from tune_asr.training.epochs import EpochReport, Sink
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.precision import resolve_precision
from tune_asr.training.seeding import seed_everything_for
from tune_asr.training.targets import construct, import_target


def fit(
    config: Config,
    sink: Sink,
    *,
    data: pl.LightningDataModule | None = None,
    on_start: Callable[[], None] = lambda: None,
    resume_from: Path | None = None,
    loggers: Sequence[Logger] = (),
    grace_period: int = 0,
    fast_dev_run: bool = False,
) -> list[dict[str, float]]:
    """Train a recogniser to the end of its horizon, or until a stopping rule ends it.

    Args:
        config: the checked configuration.
        sink: called at the end of every epoch; see `EpochReport`.
        data: the configuration's data, where the caller has loaded them already.
        on_start: called when the set-up is over and training begins.
        resume_from: a checkpoint that a sink saved; the training goes on with the epoch after it.
        loggers: Lightning loggers.
        grace_period: early stopping waits for this epoch.
        fast_dev_run: one batch of training and one of validation, to see that everything runs.

    Returns:
        `epoch` (from 1), `val_wer`, `val_cer`, `val_loss` and `objective` of every epoch, those before a resume included.

    Raises:
        ConfigError: a class of the user's cannot be built, logs no WER, or Lightning refuses an argument.
        DataError: a recording cannot be read, or too many transcripts do not fit their frames.
        StorageError: the checkpoint is damaged.
        Diverged: the loss is no longer finite.
    """
    quieten()
    torch.set_num_threads(config.trainer.num_threads)
    data = data or load_data(config)
    seed_everything_for(config.seed, "weights")
    module = build_module(config, data)
    check_feasible(config, data)
    report = EpochReport(
        sink,
        seed=config.seed,
        metric=getattr(data, "metric", "val_wer"),
        stopping=config.early_stopping,
        grace_period=grace_period,
        on_start=on_start,
    )
    trainer = _trainer(config, report, loggers, fast_dev_run)
    if resume_from is None:
        trainer.fit(module, datamodule=data)
    else:
        _check_loads(resume_from, module)
        trainer.fit(module, datamodule=data, ckpt_path=str(resume_from), weights_only=True)
    return report.history


def build_module(config: Config, data: pl.LightningDataModule) -> pl.LightningModule:
    """The LightningModule of a configuration: `SimpleCTCModule`, or the user's own."""
    scheduler = config.scheduler.model_dump()
    vocab, blank_id = getattr(data, "vocab", None), getattr(data, "blank_id", 0)
    if vocab is None:
        raise ConfigError(
            f"data.target: {type(data).__qualname__} has no attribute `vocab`: a LightningDataModule used here has the "
            "list of symbols as `vocab`, the blank at `blank_id` (0 where it has none)"
        )
    if isinstance(config.model, CustomTarget):
        target = import_target(config.model.target, pl.LightningModule, "model")
        return construct(
            target, "model", config.model.parameters, vocab=list(vocab), scheduler=scheduler, blank_id=blank_id
        )
    return SimpleCTCModule(
        list(vocab),
        scheduler,
        blank_id,
        model=config.model.model_dump(),
        optimizer=config.optimizer.model_dump(),
        augment=config.augment.model_dump(),
        num_mel_bins=config.features.num_mel_bins,
    )


def check_feasible(config: Config, data: pl.LightningDataModule) -> None:
    """Refuse a subsampling under which more than `MAX_INFEASIBLE_PERCENT` of the training set cannot be aligned."""
    if isinstance(config.model, CustomTarget) or not isinstance(data, SpeechDataModule):
        return
    infeasible = data.infeasible_training(config.model.subsampling)
    if 100 * len(infeasible) > MAX_INFEASIBLE_PERCENT * data.num_train:
        raise DataError(
            f"{len(infeasible)} of {data.num_train} training transcripts are too long for their frames at "
            f"model.subsampling {config.model.subsampling} (for example {infeasible[0]}), but at most "
            f"{MAX_INFEASIBLE_PERCENT} % may be: lower model.subsampling"
        )


def quieten() -> None:
    """Keep Lightning's advice out of the output: what matters to the user is said in our own words."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\.(pytorch|fabric)\..*")


def _trainer(config: Config, report: EpochReport, loggers: Sequence[Logger], fast_dev_run: bool) -> pl.Trainer:
    arguments: dict[str, Any] = {"accelerator": "auto", "enable_progress_bar": False, "log_every_n_steps": 10}
    arguments |= config.trainer.model_dump(exclude={"num_threads"}) | config.precision.model_dump()
    precision, remark = resolve_precision(arguments["precision"], arguments["accelerator"])
    if remark:
        warnings.warn(remark, stacklevel=2)
    # CTC has no deterministic gradient on CUDA; on a CPU every bit is promised.
    on_cpu = arguments["accelerator"] == "cpu" or not torch.cuda.is_available()
    arguments = {"deterministic": on_cpu} | arguments | {"precision": precision}
    callbacks = [LearningRateMonitor("epoch")] if loggers and not fast_dev_run else []
    try:
        return pl.Trainer(
            **arguments,
            devices=1,
            callbacks=[*callbacks, report],
            logger=list(loggers),
            enable_checkpointing=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            fast_dev_run=fast_dev_run,
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise ConfigError(f"trainer: Lightning refuses it: {error}") from error


def _check_loads(checkpoint: Path, module: pl.LightningModule) -> None:
    """Tell a damaged or foreign checkpoint before Lightning does, in words."""
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"{checkpoint}: no such checkpoint") from None
    # torch has no error of its own for a damaged file: these are what truncated, emptied and garbled ones raise.
    except (OSError, EOFError, KeyError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise StorageError(f"{checkpoint}: not a checkpoint, or damaged ({error}): use an earlier one") from error
    if not isinstance(content, dict) or "state_dict" not in content or "loops" not in content:
        raise StorageError(f"{checkpoint}: not a Lightning checkpoint that can be resumed")
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in content["state_dict"].items()}
    for name in (*own, *theirs):
        if own.get(name) != theirs.get(name):
            raise ConfigError(
                f"{checkpoint}: {name} is {theirs.get(name, 'absent')} there and {own.get(name, 'absent')} in this "
                "configuration: resume with the configuration the checkpoint was trained with"
            )
