"""One whole training, of `train` or of a trial.

Equal configurations give equal weights and metrics, bit for bit on a CPU. Neither earlier work of the process matters,
nor interruptions at the end of an epoch, if the training is resumed from its checkpoint.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger

from tune_asr.config.sections import Config
from tune_asr.errors import SettingError, StorageError, TuneAsrError
from tune_asr.training.callbacks.build import build
from tune_asr.training.callbacks.epoch_report import EpochReport
from tune_asr.training.card import card_error
from tune_asr.training.data import TrainingData, load_data
from tune_asr.training.epochs import Diverged, Epoch, Sink
from tune_asr.training.loggers import close
from tune_asr.training.prepare import prepare
from tune_asr.training.resuming import check_resumable
from tune_asr.training.targets import mistake_in_custom_code
from tune_asr.training.trainer import make_trainer, quieten
from tune_asr.wording import first_line


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
    other_data: bool = False,
) -> list[Epoch]:
    """Train a recogniser until its horizon or a stopping rule.

    Args:
        config: checked configuration.
        sink: function called at the end of every epoch; see `EpochReport`.
        data: data of the configuration; loaded if not given.
        on_start: function called when the set-up is over and training begins.
        resume_from: checkpoint that a sink saved; training continues with the epoch after it.
        loggers: Lightning loggers, whose runs end with the training.
        callbacks: callbacks that watch the training and change nothing.
        grace_period: first epoch that early stopping may end.
        fast_dev_run: one batch of training and one of validation, as a trial run.
        other_data: whether the checkpoint may be of other data.

    Returns:
        All epochs, those before a resume included.

    Raises:
        ConfigError: a custom class logs no WER or keeps its workers, or the checkpoint has another configuration.
        SettingError: a custom class cannot be built or raises, Lightning refuses an argument, or memory is too small.
        DataError: a recording cannot be read, too many transcripts do not fit their frames, or the checkpoint has
            other data.
        StorageError: the checkpoint is damaged, or the disk is full.
        Diverged: a loss or a rate is not finite any more.
    """
    quieten()
    torch.set_num_threads(config.trainer.num_threads)
    with explain_errors(config, loggers):
        data = data or load_data(config)
        module, origin = prepare(config, data, is_new=resume_from is None)
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
            known = None if other_data else origin
            check_resumable(resume_from, module, config.trainer.max_epochs, config.checkpoint.weights, known)
            trainer.fit(module, datamodule=data.module, ckpt_path=str(resume_from), weights_only=True)
    if not report.history:
        raise report.no_epoch(trainer)
    return report.history


@contextmanager
def explain_errors(config: Config, loggers: Sequence[Logger] = ()) -> Iterator[None]:
    """Raise errors for users, and end the loggers' runs anyway.

    Lightning, memory, the disk and custom classes have errors of their own.

    Raises:
        SettingError: Lightning refuses an argument, memory is too small, or a custom class raised.
        StorageError: the disk is full.
    """
    try:
        yield
    except MisconfigurationException as error:
        raise SettingError(f"Lightning refuses the training: {error}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageError(
            f"the disk is full: {first_line(error)}", hint="Make room, and resume from the last checkpoint."
        ) from error
    except (TuneAsrError, Diverged):
        raise
    except Exception as error:
        if of_card := card_error(error):
            raise of_card from error
        if isinstance(error, torch.AcceleratorError):
            raise
        if mistake := mistake_in_custom_code(config, error):
            raise mistake from error
        raise
    finally:
        close(loggers)
