"""The training core on recorded speech, on one thread: Lightning's epoch beside a bare loop's, and what goes before."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.searches import REPOSITORY
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tune_asr.config.sections import Config
    from tune_asr.training.data import TrainingData

PAIRS = 3


@dataclass(frozen=True, slots=True)
class Training:
    """Seconds of one short training: from the call to the first step, and of each epoch.

    `cpu` is what this process took of its core for the steps of each epoch: other processes may take the core away.
    """

    set_up: float
    train: list[float]
    validation: list[float]
    cpu: list[float]


def measure(data: Path | None) -> list[Row]:
    """configs/manifest.yaml in this process: `fit` and a bare loop in turn, each on the same batches."""
    if data is None:
        return [Row(claim="training core: needs --data DIR", value=None)]
    from tune_asr.training.data import load_data

    config = recorded(data)
    loaded = load_data(config)
    assert loaded.built_in is not None
    train_seconds, _ = loaded.built_in.seconds_of_audio()
    fits, bare = [], []
    for _ in range(1 + PAIRS):
        fits.append(fitted(config, loaded))
        bare.append(bare_epoch_seconds(config, loaded))
    # The first pair warms everything up; so does the first epoch of a training, for itself.
    epochs = [training.train[1] for training in fits[1:]]
    default = config.model_copy(update={"model": type(config)().model})
    small = median(fitted(default, loaded).cpu[1] for _ in range(PAIRS))
    large = median(training.cpu[1] for training in fits[1:])
    validations = [training.validation[1] / (training.train[1] + training.validation[1]) for training in fits[1:]]
    return [
        Row(claim="an epoch of fit over a bare loop's", value=median(epochs) / median(bare[1:]), unit="", at_most=1.05),
        Row(claim="speech over CPU time, default model", value=train_seconds / small, unit="x", at_least=400),
        Row(claim="  the larger one of configs/manifest.yaml", value=train_seconds / large, unit="x"),
        Row(claim="validation, share of an epoch", value=median(validations), unit="", at_most=0.04),
        Row(claim="a second training's set-up", value=median(t.set_up for t in fits[1:]), at_most=0.2),
    ]


def recorded(data: Path) -> Config:
    """configs/manifest.yaml on data/train.jsonl, for two epochs."""
    from tune_asr.config.load import load_config
    from tune_asr.config.overrides import parse_assignments

    settings = [f"data.{split}={data.resolve() / split}.jsonl" for split in ("train", "val")]
    settings += ["trainer.max_epochs=2", "trainer.num_threads=1", "early_stopping.enabled=false"]
    return load_config(REPOSITORY / "configs/manifest.yaml", parse_assignments(settings))


def fitted(config: Config, data: TrainingData) -> Training:
    """What a search and `train` run, without checkpoints."""
    from lightning.pytorch.callbacks import LambdaCallback
    from lightning.pytorch.loggers import TensorBoardLogger

    from tune_asr.training.epochs import EpochResult, Save
    from tune_asr.training.fit import fit

    train: list[float] = []
    validation: list[float] = []
    started: list[float] = []
    began: list[float] = []
    ended: list[float] = []
    clock = LambdaCallback(
        on_train_epoch_start=lambda *_: began.append(time.process_time()),
        on_validation_start=lambda *_: ended.append(time.process_time()),
    )

    def sink(result: EpochResult, _last: bool, _save: Save) -> None:
        train.append(result.train_seconds)
        validation.append(result.val_seconds)

    with tempfile.TemporaryDirectory() as folder:
        called = time.monotonic()
        loggers = [TensorBoardLogger(folder, name=None)]
        fit(
            config,
            sink,
            data=data,
            loggers=loggers,
            callbacks=[clock],
            on_start=lambda: started.append(time.monotonic()),
        )
    cpu = [end - start for start, end in zip(began, ended, strict=True)]
    return Training(started[0] - called, train, validation, cpu)


def bare_epoch_seconds(config: Config, data: TrainingData) -> float:
    """The second of two epochs of the same steps as PyTorch alone would write them."""
    import torch

    from tune_asr.training.optimizer import adamw
    from tune_asr.training.prepare import build_module

    torch.manual_seed(config.seed)
    module = build_module(config, data).train()
    optimizer = adamw(module, module.hparams["optimizer"], fused=True)
    seconds = 0.0
    for _ in range(2):
        began = time.monotonic()
        for batch in data.module.train_dataloader():
            features, lengths = module.perturb(batch.features, batch.feature_lengths)
            loss = module.batch_loss(module.augment(features, lengths), lengths, batch).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), config.trainer.gradient_clip_val)
            optimizer.step()
            float(loss.detach())
        seconds = time.monotonic() - began
    return seconds
