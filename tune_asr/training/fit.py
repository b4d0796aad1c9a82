"""One training, whole: what `tune_asr.train` runs, and each trial of a search.

Equal configurations give equal weights and metrics, bit for bit on a CPU, whatever the process did before and however
often the training was interrupted at the end of an epoch and resumed from its checkpoint.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger

from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.corpus.beside import initial_sha256
from tune_asr.errors import ConfigError, SettingError, StorageError, TuneAsrError
from tune_asr.training.callbacks.build import build
from tune_asr.training.callbacks.epoch_report import EpochReport
from tune_asr.training.callbacks.probe import too_little_memory
from tune_asr.training.checkpoints import INITIAL_SHA256
from tune_asr.training.ctc import require_feasible
from tune_asr.training.data import TrainingData, load_data
from tune_asr.training.epochs import Diverged, Sink
from tune_asr.training.features.noise import load_noise
from tune_asr.training.initial import initialise
from tune_asr.training.loggers import close
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.optimizer import peak_rate
from tune_asr.training.resuming import check_resumable
from tune_asr.training.seeding import seed_everything_for
from tune_asr.training.targets import construct, import_target, mistake_of_the_users
from tune_asr.training.trainer import make_trainer, quieten


def fit(
    config: Config,
    sink: Sink,
    *,
    data: TrainingData | None = None,
    on_start: Callable[[], None] = lambda: None,
    resume_from: Path | None = None,
    loggers: Sequence[Logger] = (),
    callbacks: Sequence[pl.Callback] = (),
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
        loggers: Lightning loggers; their runs end with the training.
        callbacks: that watch the training, and change nothing of it.
        grace_period: early stopping waits for this epoch.
        fast_dev_run: one batch of training and one of validation, to see that everything runs.

    Returns:
        `epoch` (from 1), `val_wer`, `val_cer`, `val_loss` and `objective` of every epoch, those before a resume too.

    Raises:
        ConfigError: a class of the user's logs no WER or keeps its workers, or the checkpoint belongs to another
            configuration.
        SettingError: a class of the user's cannot be built or raises, Lightning refuses an argument, or memory is too
            small.
        DataError: a recording cannot be read, too many transcripts do not fit their frames, or the checkpoint was
            trained on other data.
        StorageError: the checkpoint is damaged, or the disk full.
        Diverged: a loss or a rate is no longer finite.
    """
    quieten()
    torch.set_num_threads(config.trainer.num_threads)
    with ends_in_words(config, loggers):
        data = data or load_data(config)
        module, origin = _prepared(config, data, is_new=resume_from is None)
        report = EpochReport(
            sink,
            seed=config.seed,
            metric=data.metric,
            stopping=config.early_stopping,
            grace_period=grace_period,
            on_start=on_start,
            origin=origin,
            weights=config.checkpoint.weights,
        )
        all_callbacks = build(config, data, report, callbacks, logs_rates=bool(loggers) and not fast_dev_run)
        trainer = make_trainer(config, all_callbacks, loggers=loggers, fast_dev_run=fast_dev_run)
        if resume_from is None:
            trainer.fit(module, datamodule=data.module)
        else:
            check_resumable(resume_from, module, config.trainer.max_epochs, config.checkpoint.weights, origin)
            trainer.fit(module, datamodule=data.module, ckpt_path=str(resume_from), weights_only=True)
    if not report.history:
        raise ConfigError(f"no epoch came about: {report.why_no_epoch(trainer)}")
    return report.history


@contextmanager
def ends_in_words(config: Config, loggers: Sequence[Logger] = ()) -> Iterator[None]:
    """Say in our words what Lightning, memory, disk or a user's class refuses; end the loggers' runs in any case."""
    try:
        yield
    except MisconfigurationException as error:
        raise SettingError(f"Lightning refuses the training: {error}") from error
    except torch.OutOfMemoryError as error:
        raise too_little_memory("a batch", error) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageError(f"the disk is full: {error}: make room, and resume from the last checkpoint") from error
    except (TuneAsrError, Diverged, torch.AcceleratorError):
        raise
    except Exception as error:
        if mistake := mistake_of_the_users(config, error):
            raise mistake from error
        raise
    finally:
        close(loggers)


def _prepared(config: Config, data: TrainingData, *, is_new: bool) -> tuple[pl.LightningModule, dict[str, Any]]:
    """The module with its noise and, of a new training, its first weights; and what checkpoints say of their origin."""
    seed_everything_for(config.seed, "weights")
    module = build_module(config, data)
    origin = {"config": config.model_dump(), "data_fingerprint": data.fingerprint}
    if isinstance(module, SimpleCTCModule):
        noise = module.perturb.noises = load_noise(config)
        if noise and noise.fingerprint:
            origin["noise_fingerprint"] = noise.fingerprint
        if is_new:
            initialise(module, config)
        module.counts_infeasible = data.speech is None
    check_feasible(config, data)
    if is_new and (initial := initial_sha256(config)):
        origin[INITIAL_SHA256] = initial
    return module, origin


def build_module(config: Config, data: TrainingData) -> pl.LightningModule:
    """The LightningModule of a configuration: `SimpleCTCModule`, or the user's own."""
    scheduler = config.scheduler.model_dump()
    vocab, blank_id = list(data.vocab), data.blank_id
    if isinstance(config.model, CustomTarget):
        target = import_target(config.model.target, pl.LightningModule, "model")
        return construct(target, "model", config.model.parameters, vocab=vocab, scheduler=scheduler, blank_id=blank_id)
    accumulated = config.trainer.accumulate_grad_batches
    utterances = data.speech.utterances_a_step(accumulated) if data.speech else None
    return SimpleCTCModule(
        vocab,
        scheduler,
        blank_id,
        model=config.model.model_dump(),
        optimizer=config.optimizer.model_dump() | {"lr": peak_rate(config, utterances)},
        augment=config.augment.model_dump(),
        num_mel_bins=config.features.num_mel_bins,
        sample_rate=config.features.sample_rate,
    )


def check_feasible(config: Config, data: TrainingData) -> None:
    """Refuse a subsampling under which more than `MAX_INFEASIBLE_PERCENT` of the training set cannot be aligned."""
    if config.subsampling is None or data.speech is None:
        return
    infeasible = data.speech.infeasible_training(config.subsampling)
    where = f" at model.subsampling {config.subsampling} (for example {next(iter(infeasible), '')})"
    require_feasible(len(infeasible), data.speech.num_train, where)
