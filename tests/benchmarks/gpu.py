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

from tests.benchmarks import gpu_step
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tune_asr.config.sections import Config

REPOSITORY = Path(__file__).parents[2]
PRECISIONS = {
    "fp32": ["precision.precision=32-true"],
    "TF32": ["precision.precision=32-true", "precision.float32_matmul=high"],
    "bf16": ["precision.precision=bf16-mixed"],
}
LARGE = ["model.dim=256", "model.num_layers=12"]
FASTEST = ["trainer.cuda_graphs=auto", "trainer.corpus_on_device=auto"]
"""Keys that are off by default."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds a step, and seconds an epoch."""

    step: float
    epoch: float
    validation: float


def steps(data: Path | None) -> list[Row]:
    """Each encoder in each precision, then the default training beside a plain script."""
    import torch

    from tune_asr.training.data import load_data
    from tune_asr.training.encoders import ENCODERS

    if data is None or not torch.cuda.is_available():
        return [Row(claim=f"needs {'--data DIR' if data is None else 'a GPU'}", value=None)]
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
    rows = []
    for name in ENCODERS:
        for precision, keys in PRECISIONS.items():
            config = configuration(data, [f"model.target={name}", *LARGE, *keys], 1)
            rows += gpu_step.rows(f"{name} 256x12 {precision}", config, load_data(config))
    for name in ENCODERS:
        print(f"{name} waits, a step: {waits(data, [f'model.target={name}'])}", flush=True)
    rows.append(_bf16_gain(rows))
    for name in ENCODERS:
        for keys in ([], FASTEST):
            found = trained(data, [f"model.target={name}", *keys])
            print(f"{name} {keys}: {found}", flush=True)
            goal = 0.5 if name == "conv_ctc" else None
            what = "graphs and corpus on it" if keys else "default"
            rows += [
                Row(claim=f"{name}, {what}: epoch", value=found.epoch, at_most=goal),
                Row(claim="  a step of it", value=found.step, unit="ms"),
                Row(claim="  validation of it", value=found.validation),
            ]
    return [*rows, Row(claim="plain Lightning script, an epoch", value=plain_epoch(data))]


def _bf16_gain(rows: Sequence[Row]) -> Row:
    """Time of an eager float32 step of the large model over that in bfloat16."""
    times = {row.claim: row.value or math.nan for row in rows}
    fp32, bf16 = (times[f"conv_ctc 256x12 {name} N=64, an eager step"] for name in ("fp32", "bf16"))
    return Row(claim="bf16 over fp32, conv_ctc 256x12 N=64", value=fp32 / bf16, unit="x", at_least=1.3)


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


def trained(data: Path, settings: Sequence[str]) -> Measured:
    """Train for four epochs; all but the first are timed."""
    import lightning.pytorch as pl

    from tune_asr.training.epochs import EpochResult, Save
    from tune_asr.training.fit import fit

    results: list[EpochResult] = []
    batches: list[int] = []

    class Count(pl.Callback):
        """Notes the batches of an epoch."""

        def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            """Note them."""
            batches.append(int(trainer.num_training_batches))

    def sink(result: EpochResult, _last: bool, _save: Save) -> None:
        results.append(result)

    fit(configuration(data, settings, 4), sink, callbacks=[Count()])
    timed = results[1:]
    return Measured(
        step=1e3 * median(result.train_seconds for result in timed) / batches[0],
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
    module = speech.built_in
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
