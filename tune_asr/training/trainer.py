"""Lightning's Trainer, built from the sections `trainer` and `precision`."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger

from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import SettingError
from tune_asr.training.alone import Alone, be_first, root_folder
from tune_asr.training.checkpoints import CheckpointFile
from tune_asr.training.device import require_device
from tune_asr.training.precision import remark_on_gpu, resolve_precision

_DEFAULTS = {
    "accelerator": "auto",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "log_every_n_steps": 10,
}

OURS = {"num_threads", "cuda_graphs", "corpus_on_device"}
"""Keys of the section that are no arguments of Lightning's."""


def make_trainer(
    config: Config, callbacks: Sequence[pl.Callback] = (), *, loggers: Sequence[Logger] = (), fast_dev_run: bool = False
) -> pl.Trainer:
    """Build a Trainer for one device, without checkpoints.

    Args:
        config: checked configuration.
        callbacks: callbacks in running order; none for a validation.
        loggers: Lightning loggers.
        fast_dev_run: one batch of training and one of validation.

    Raises:
        DeviceError: the device is missing, or torch does not support it.
        SettingError: Lightning refuses a value, or the accelerator cannot give the precision.
    """
    arguments = config.trainer.model_dump(exclude=OURS)
    arguments |= config.precision.model_dump(exclude={"float32_matmul"})
    for name, value in _DEFAULTS.items():
        arguments.setdefault(name, value)
    require_device(arguments["accelerator"])
    arguments["precision"], remark = resolve_precision(arguments["precision"], arguments["accelerator"])
    on_cpu = arguments["accelerator"] == "cpu" or not torch.cuda.is_available()
    if not on_cpu and remark is None:
        remark = remark_on_gpu(arguments["precision"], torch.cuda.get_device_capability(), _launched_width(config))
    if remark:
        warnings.warn(remark, stacklevel=2)
    # CTC has no deterministic gradient on CUDA; on a CPU equal configurations give equal bits.
    arguments.setdefault("deterministic", on_cpu)
    # As exact as products of matrices are: torch alone would have cuDNN round to TF32. See `MatmulPrecision`.
    torch.backends.cudnn.allow_tf32 = False
    # cuDNN plans its attention anew for each shape, as it does its convolutions; torch's other kernels need no plan.
    torch.backends.cuda.enable_cudnn_sdp(isinstance(config.model, CustomTarget))
    be_first()
    try:
        return pl.Trainer(
            **arguments,
            devices=1,
            callbacks=list(callbacks),
            logger=list(loggers),
            enable_checkpointing=False,
            plugins=[CheckpointFile(), Alone()],
            default_root_dir=root_folder(loggers),
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            fast_dev_run=fast_dev_run,
        )
    except (MisconfigurationException, ValueError, ImportError) as error:
        raise SettingError(f"trainer: Lightning refuses it: {error}") from error


def _launched_width(config: Config) -> int | None:
    """Return a built-in model's width.

    None with graphs, whose steps are not launched operator by operator.
    """
    if config.trainer.cuda_graphs == "auto" or isinstance(config.model, CustomTarget):
        return None
    return config.model.dim


def quieten() -> None:
    """Silence Lightning's advice: our messages replace it."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\.(pytorch|fabric)\..*")
