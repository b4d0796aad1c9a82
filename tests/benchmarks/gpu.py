"""Training on one GPU: time of a step beside that of its kernels, and an epoch beside a plain Lightning script's.

    python -m tests.benchmarks gpu steps --data DIR     # under four minutes on a card

It needs the package and a folder with train.jsonl and val.jsonl, and no Ray.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tune_asr.config.sections import Config

REPOSITORY = Path(__file__).parents[2]
PRECISIONS = {
    "fp32": ["precision.precision=32-true"],
    "TF32": ["precision.precision=32-true", "precision.float32_matmul=high"],
    "bf16": ["precision.precision=bf16-mixed"],
}
LARGE = ["model.dim=256", "model.num_layers=12", "data.batch_size=64"]
PROFILED = 10
"""Steps under the profiler."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds a step, and seconds an epoch."""

    step: float
    kernels: float
    """Sum of the kernels' own times, a step."""
    epoch: float
    validation: float


def steps(data: Path | None) -> list[Row]:
    """Each encoder in each precision, then the default training beside a plain script."""
    import torch

    from tune_asr.training.encoders import ENCODERS

    if data is None or not torch.cuda.is_available():
        return [Row(claim=f"needs {'--data DIR' if data is None else 'a GPU'}", value=None)]
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
    rows = []
    for name in ENCODERS:
        for precision, keys in PRECISIONS.items():
            rows += _rows(f"{name} {precision}", trained(data, [f"model.target={name}", *keys]))
    for precision, keys in PRECISIONS.items():
        rows += _rows(f"conv_ctc 256x12 N=64 {precision}", trained(data, [*LARGE, *keys]))
    for name in ENCODERS:
        print(f"{name} waits, a step: {waits(data, [f'model.target={name}'])}", flush=True)
    ours, plain = trained(data, [], profiled=0), plain_epoch(data)
    return [
        *rows,
        Row(claim="default model, an epoch with validation", value=ours.epoch, at_most=0.5),
        Row(claim="  validation of it", value=ours.validation),
        Row(claim="plain Lightning script, an epoch", value=plain),
    ]


def _rows(name: str, found: Measured) -> list[Row]:
    print(f"{name}: {found}", flush=True)
    return [
        Row(claim=f"{name}, a step", value=found.step, unit="ms"),
        Row(claim="  its kernels", value=found.kernels, unit="ms"),
    ]


def configuration(data: Path, settings: Sequence[str], epochs: int) -> Config:
    """configs/manifest.yaml on recorded speech, with settings laid over it."""
    import yaml

    from tune_asr.config.load import from_values

    values: dict[str, Any] = yaml.safe_load((REPOSITORY / "configs/manifest.yaml").read_text())
    values["data"] |= {split: str(data.resolve() / f"{split}.jsonl") for split in ("train", "val")}
    values["trainer"] = {"max_epochs": epochs, "num_threads": 1}
    values["early_stopping"] = {"enabled": False}
    for setting in settings:
        key, value = setting.split("=", 1)
        section, name = key.split(".")
        if key == "model.target" and value != "conv_ctc":
            values["model"] = {}
        values.setdefault(section, {})[name] = yaml.safe_load(value)
    return from_values(values, "benchmark")


def trained(data: Path, settings: Sequence[str], *, profiled: int = PROFILED) -> Measured:
    """Train for three epochs, the last of them under the profiler; the second is timed."""
    import lightning.pytorch as pl
    import torch
    from torch.profiler import ProfilerActivity, profile

    from tune_asr.training.epochs import EpochResult, Save
    from tune_asr.training.fit import fit

    results: list[EpochResult] = []
    kernels: list[float] = []
    batches: list[int] = []

    class Profiler(pl.Callback):
        """Sums the kernels' times over the first steps of the last epoch."""

        def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            """Begin after two epochs."""
            self.profile = profile(activities=[ProfilerActivity.CUDA])
            batches.append(int(trainer.num_training_batches))
            if profiled and trainer.current_epoch == 2:
                torch.cuda.synchronize()
                self.profile.start()

        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            """End after some steps."""
            if profiled and trainer.current_epoch == 2 and trainer.fit_loop.batch_idx + 1 == min(profiled, batches[-1]):
                torch.cuda.synchronize()
                self.profile.stop()
                averages = self.profile.key_averages()
                kernels.append(sum(event.self_device_time_total for event in averages) / 1e3)
                for event in sorted(averages, key=lambda event: -event.self_device_time_total)[:4]:
                    each = event.self_device_time_total / 1e3 / min(profiled, batches[-1])
                    print(f"    {each:8.3f} ms  {event.count:5d}  {event.key[:90]}", flush=True)

    def sink(result: EpochResult, _last: bool, _save: Save) -> None:
        results.append(result)

    fit(configuration(data, settings, 3 if profiled else 4), sink, callbacks=[Profiler()])
    timed = results[1:2] if profiled else results[1:]
    return Measured(
        step=1e3 * median(result.train_seconds for result in timed) / batches[0],
        kernels=kernels[0] / min(profiled, batches[0]) if kernels else math.nan,
        epoch=median(result.train_seconds + result.val_seconds for result in timed),
        validation=median(result.val_seconds for result in timed),
    )


def waits(data: Path, settings: Sequence[str]) -> str:
    """Places that wait for the GPU, as torch warns of them, each with its number a step."""
    import warnings
    from collections import Counter

    import lightning.pytorch as pl
    import torch

    from tune_asr.training.fit import fit

    batches: list[int] = []
    caught = warnings.catch_warnings(record=True)

    class Watch(pl.Callback):
        """Watches the steps of the second epoch."""

        def on_train_batch_start(self, trainer: pl.Trainer, _: pl.LightningModule, batch: Any, batch_idx: int) -> None:
            """Begin with its second step."""
            if trainer.current_epoch == 1 and batch_idx == 1:
                warnings.simplefilter("always")
                torch.cuda.set_sync_debug_mode("warn")
                batches.append(int(trainer.num_training_batches))

        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            """End before the last: the epoch's losses are read after it."""
            if batches and trainer.fit_loop.batch_idx == batches[-1] - 2:
                torch.cuda.set_sync_debug_mode("default")

    with caught as found:
        fit(configuration(data, settings, 2), lambda *_: None, callbacks=[Watch()])
    places = Counter(
        f"{'/'.join(Path(warning.filename).parts[-2:])}:{warning.lineno}"
        for warning in found or ()
        if "synchronizing" in str(warning.message)
    )
    steps = batches[0] - 2
    return ", ".join(f"{count / steps:.2g} {place}" for place, count in places.most_common()) or "none"


def plain_epoch(data: Path) -> float:
    """Seconds of an epoch with validation of a plain Lightning script on the same features, without augmentation."""
    import time

    import lightning.pytorch as pl
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn
    from torch.nn.utils.rnn import pad_sequence
    from torch.utils.data import DataLoader

    from tune_asr.training.data import load_data

    speech = load_data(configuration(data, [], 1))
    module = speech.speech
    assert module is not None
    examples = {
        split: [(part[i].features, part[i].tokens) for i in range(len(part))]
        for split, part in (("train", module._train), ("val", module._val))
    }

    class Block(nn.Module):
        """Residual depthwise convolution."""

        def __init__(self) -> None:
            super().__init__()
            self.along = nn.Conv1d(144, 144, 15, padding=7, groups=144)
            self.across = nn.Sequential(nn.LayerNorm(144), nn.Linear(144, 288), nn.SiLU(), nn.Linear(288, 144))

        def forward(self, x: Tensor) -> Tensor:
            """(N, D, T) -> the same shape."""
            y: Tensor = self.across(self.along(x).transpose(1, 2)).transpose(1, 2)
            return x + y

    class Plain(pl.LightningModule):
        """Same sizes as the default model."""

        def __init__(self) -> None:
            super().__init__()
            shorten = (nn.Conv1d(40, 144, 3, 2, 1), nn.SiLU(), nn.Conv1d(144, 144, 3, 2, 1), nn.SiLU())
            self.encoder = nn.Sequential(*shorten, *(Block() for _ in range(6)), nn.Conv1d(144, len(speech.vocab), 1))
            self.ends: list[float] = []

        def loss_of(self, batch: tuple[Tensor, ...]) -> Tensor:
            """CTC loss of padded features, their lengths, padded tokens, their lengths."""
            features, lengths, tokens, token_lengths = batch
            log_probs = self.encoder(features.transpose(1, 2)).permute(2, 0, 1).log_softmax(2)
            loss: Tensor = F.ctc_loss(log_probs, tokens, (lengths + 3) // 4, token_lengths, zero_infinity=True)
            return loss

        def training_step(self, batch: tuple[Tensor, ...], _: int) -> Tensor:
            """One step."""
            return self.loss_of(batch)

        def validation_step(self, batch: tuple[Tensor, ...], _: int) -> None:
            """One batch of validation."""
            self.log("val_loss", self.loss_of(batch), batch_size=len(batch[0]))

        def on_validation_epoch_end(self) -> None:
            """Note the time."""
            torch.cuda.synchronize()
            self.ends.append(time.monotonic())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            """AdamW."""
            return torch.optim.AdamW(self.parameters(), lr=1e-3)

    def padded(batch: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, ...]:
        features, tokens = zip(*batch, strict=True)
        sizes = (torch.tensor([len(part) for part in parts]) for parts in (features, tokens))
        lengths, token_lengths = sizes
        return pad_sequence(features, batch_first=True), lengths, pad_sequence(tokens, batch_first=True), token_lengths

    torch.backends.cudnn.allow_tf32 = True  # torch's default
    loaders = [
        DataLoader(examples[split], batch_size=8, shuffle=split == "train", collate_fn=padded)
        for split in ("train", "val")
    ]
    plain = Plain()
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(max_epochs=3, devices=1, num_sanity_val_steps=0, enable_model_summary=False, **options)
    trainer.fit(plain, *loaders)
    return plain.ends[-1] - plain.ends[-2]
