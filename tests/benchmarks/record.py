"""Recording of a table: a random search on recorded speech that prunes nothing.

python -m tests.benchmarks record --data DIR                  # DIR has train.jsonl and val.jsonl
python -m tests.benchmarks record --data DIR --trials 80      # the same folder again continues
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tests.benchmarks.searches import REPOSITORY, run_python
from tests.simulation.curves import Table
from tune_asr.record.folder import ResultsFolder

PARAM_SPACE: dict[str, JsonValue] = {
    "optimizer.lr": {"loguniform": [1.0e-3, 1.0e-2]},
    "data.batch_size": {"choice": [4, 8, 16]},
    "optimizer.weight_decay": {"loguniform": [1.0e-3, 1.0e-1]},
    "scheduler.warmup_fraction": {"uniform": [0.02, 0.3]},
    "model.dim": {"choice": [64, 96, 128]},
    "model.num_layers": {"randint": [2, 6]},
    "model.kernel_size": {"choice": [7, 11, 15, 21]},
    "model.subsampling": {"choice": [2, 4]},
    "model.dropout": {"uniform": [0.0, 0.3]},
    "augment.speed": {"uniform": [0.0, 0.2]},
    "augment.n_time_masks": {"randint": [0, 4]},
    "augment.n_freq_masks": {"randint": [0, 3]},
}


SYNTHETIC_SPACE: dict[str, JsonValue] = {
    **PARAM_SPACE,
    "optimizer.lr": {"loguniform": [5.0e-4, 1.0e-2]},
    "data.batch_size": {"choice": [8, 16, 32]},
    "model.dim": {"choice": [32, 48, 64]},
}
SYNTHETIC: dict[str, JsonValue] = {
    "data.noise": 0.9,
    "data.num_train": 224,
    "data.num_val": 96,
    "data.num_words": 300,
    "data.max_words": 3,
    "features.num_mel_bins": 24,
    "optimizer.lr_reference_batch": 16,
}


def main(argv: Sequence[str]) -> int:
    """Record a table, or continue a recording."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks record", description=main.__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="train.jsonl and val.jsonl; default: synthetic speech")
    parser.add_argument("--trials", type=int, default=64, metavar="N", help="default: 64")
    parser.add_argument("--epochs", type=int, default=18, metavar="E", help="horizon (default: 18)")
    parser.add_argument("--slots", default="auto", metavar="W", help="default: one for each core")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--name", default="curves", help="folder of the search in --results (default: curves)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="table to write (default: DIR/NAME.jsonl.gz)")
    arguments = parser.parse_args(argv)

    root = arguments.results.resolve() / arguments.name
    if (root / "search.yaml").exists():
        run_python("-m", "tune_asr.search", "--resume", str(root))
    else:
        arguments.results.mkdir(parents=True, exist_ok=True)
        file = root.with_suffix(".yaml")
        described = space(arguments.data, arguments.trials, arguments.epochs)
        described["search"]["max_concurrent"] = arguments.slots if arguments.slots == "auto" else int(arguments.slots)
        file.write_text(json.dumps(described))
        run_python("-m", "tune_asr.search", "--space", str(file), "--results", str(root.parent), "--name", root.name)
    path = arguments.table or root.with_suffix(".jsonl.gz")
    table = Table.of(ResultsFolder(root), arguments.name)
    table.write(path)
    print(f"{path}: {len(table)} curves of at most {table.horizon} epochs, best {table.metric} {table.best:.4f}")
    return 0


def space(data: Path | None, trials: int, epochs: int) -> dict[str, Any]:
    """Return a space whose grace period is the horizon, so that nothing is pruned."""
    speech = SYNTHETIC
    if data:
        paths = {f"data.{split}": str(data.resolve() / f"{split}.jsonl") for split in ("train", "val")}
        speech = {**paths, "optimizer.lr_reference_batch": 8}
    return {
        "config": str(REPOSITORY / "configs" / ("manifest.yaml" if data else "train.yaml")),
        "over": {**speech, "trainer.max_epochs": epochs, "logging.tensorboard": False},
        "param_space": PARAM_SPACE if data else SYNTHETIC_SPACE,
        "search": {"algorithm": "random", "num_samples": trials, "include_base": False, "seed": 5},
        "asha": {"grace_period": epochs},
    }
