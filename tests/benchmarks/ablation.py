"""What each choice of configs/manifest.yaml is worth on recorded speech, every row at equal training time.

    python -m tests.benchmarks.ablation --data DIR                      # DIR has train.jsonl and val.jsonl
    python -m tests.benchmarks.ablation --data DIR --epochs 90 --seeds 1 default light-masks

A row is the default with some keys changed. It has as many epochs as take as long as the default's: an epoch of each is
timed one after the other, in seconds of the process's own, before the row is trained.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from torch import Tensor

from tests.benchmarks.searches import REPOSITORY
from tune_asr.config.load import load_config
from tune_asr.config.overrides import parse_assignments
from tune_asr.config.sections import Config
from tune_asr.scoring.scores import Scores
from tune_asr.train.checkpoint_average import mean_weights
from tune_asr.train.validation import validate
from tune_asr.training.checkpoints import load_checkpoint
from tune_asr.training.data import load_data
from tune_asr.training.epochs import EpochResult, Save
from tune_asr.training.fit import fit

ROWS: dict[str, list[str]] = {
    "default": [],
    "light-masks": ["augment.n_time_masks=1", "augment.n_freq_masks=1"],
    "heavy-masks": ["augment.n_time_masks=2", "augment.time_mask_param=20", "augment.n_freq_masks=2"],
    "no-speed": ["augment.speed=0"],
    "speed-0.2": ["augment.speed=0.2"],
    "ema": ["checkpoint.weights=ema", "optimizer.ema_decay=0.99"],
    # Of the last epochs, and not of the best, which the validation speech would have chosen.
    "average-last-5": ["checkpoint.average_top_k=5"],
    "one-cycle": ["scheduler.name=one_cycle"],
    "constant": ["scheduler.name=constant"],
    "batch-4": ["data.batch_size=4"],
    "batch-16": ["data.batch_size=16"],
    "small": ["model.dim=96", "model.num_layers=5"],
    "wide": ["model.dim=192"],
    "deep": ["model.num_layers=9"],
    "short-kernels": ["model.kernel_size=7"],
    "subsampling-2": ["model.subsampling=2"],
    "dropout-0.3": ["model.dropout=0.3"],
    "bigru": ["model={target: bigru_ctc, dim: 128, num_layers: 2, dropout: 0.2}"],
    "pieces": ["text.unit=bpe", "text.vocab_size=128"],
    "conformer": ["model={target: conformer_ctc, dim: 96, num_layers: 4}", "optimizer.lr=1e-3"],
}
STUDENT_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}
"""Student's t at 97.5 % for the mean of so many values."""


class Outcome(NamedTuple):
    """The end of a training."""

    train_loss: float
    scores: Scores


def main() -> None:
    """Train every row with every seed, and print a line a row as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ablation", description=main.__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=f"{', '.join(ROWS)} (default: all)")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="has train.jsonl and val.jsonl")
    parser.add_argument(
        "--epochs", type=int, default=33, metavar="N", help="of the default (default: 33, three minutes of one core)"
    )
    parser.add_argument("--seeds", type=int, default=3, choices=range(1, 6), metavar="N", help="1 to 5 (default: 3)")
    arguments = parser.parse_args()

    print(f"{'':<15}{'epochs':>7}  {'WER':<16}{'CER':<16}train / val loss")
    for name in arguments.rows or ROWS:
        epochs = arguments.epochs
        if ROWS[name]:
            usual, own = (epoch_seconds(configured(arguments.data, ROWS[row], 2, seed=1)) for row in ("default", name))
            epochs = max(1, round(epochs * usual / own))
        results = [
            trained(configured(arguments.data, ROWS[name], epochs, seed)) for seed in range(1, arguments.seeds + 1)
        ]
        wer, cer = (interval([r.scores.value(metric) for r in results]) for metric in ("val_wer", "val_cer"))
        losses = f"{mean(r.train_loss for r in results):.2f} / {mean(r.scores.value('val_loss') for r in results):.2f}"
        print(f"{name:<15}{epochs:>7}  {wer:<16}{cer:<16}{losses}", flush=True)


def configured(data: Path, settings: list[str], epochs: int, seed: int) -> Config:
    """A row's configuration."""
    common = [f"data.{split}={data.resolve() / split}.jsonl" for split in ("train", "val")]
    common += [f"trainer.max_epochs={epochs}", "trainer.num_threads=1", f"seed={seed}", "early_stopping.enabled=false"]
    return load_config(REPOSITORY / "configs/manifest.yaml", parse_assignments([*common, *settings]))


def epoch_seconds(config: Config) -> float:
    """CPU seconds of a training's second epoch."""
    ends: list[float] = []
    fit(config, lambda *_: ends.append(time.process_time()))
    return ends[1] - ends[0]


def trained(config: Config) -> Outcome:
    """A training to the end of its horizon, of whose last epochs `checkpoint.average_top_k` are averaged."""
    data, averaged = load_data(config), config.checkpoint.average_top_k
    results: list[EpochResult] = []
    states: list[Mapping[str, Tensor]] = []
    with tempfile.TemporaryDirectory() as folder:

        def sink(result: EpochResult, _last: bool, save: Save) -> None:
            results.append(result)
            if result.epoch > config.trainer.max_epochs - averaged:
                checkpoint = Path(folder, "newest.ckpt")
                save(checkpoint)
                states.append(load_checkpoint(checkpoint)["state_dict"])

        fit(config, sink, data=data)
    end = results[-1]
    if not averaged:
        return Outcome(end.train_loss, end.scores)
    return Outcome(end.train_loss, validate(config, data, mean_weights(states)).scores)


def interval(values: list[float]) -> str:
    """The mean, and the half width of its 95 % interval over seeds."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{mean(values):.3f} +- {STUDENT_95[len(values)] * stdev(values) / math.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
