"""Recording of a table: a random search on recorded speech that prunes nothing.

python -m tests.benchmarks record --data DIR                  # DIR has train.jsonl and val.jsonl
python -m tests.benchmarks record --data DIR --trials 80      # the same folder again continues
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from tests.benchmarks.searches import REPOSITORY, run_python
from tests.benchmarks.tables import Table
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


def main(argv: Sequence[str]) -> int:
    """Record a table, or continue a recording."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks record", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="has train.jsonl and val.jsonl")
    parser.add_argument("--trials", type=int, default=64, metavar="N", help="default: 64")
    parser.add_argument("--epochs", type=int, default=18, metavar="E", help="horizon (default: 18)")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    parser.add_argument("--name", default="curves", help="folder of the search in --results (default: curves)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="table to write (default: DIR/NAME.jsonl.gz)")
    arguments = parser.parse_args(argv)

    root = arguments.results.resolve() / arguments.name
    if (root / "search.yaml").exists():
        run_python("-m", "tune_asr.search", "--resume", str(root))
    else:
        arguments.results.mkdir(parents=True, exist_ok=True)
        file = arguments.results.resolve() / f"{arguments.name}.yaml"
        file.write_text(json.dumps(space(arguments.data.resolve(), arguments.trials, arguments.epochs)))
        run_python("-m", "tune_asr.search", "--space", str(file), "--results", str(root.parent), "--name", root.name)
    path = arguments.table or root.with_suffix(".jsonl.gz")
    table = Table.of(ResultsFolder(root), arguments.name)
    table.write(path)
    print(f"{path}: {len(table)} curves of at most {table.horizon} epochs, best {table.metric} {table.best:.4f}")
    return 0


def space(data: Path, trials: int, epochs: int) -> dict[str, JsonValue]:
    """Return a space whose grace period is the horizon, so that nothing is pruned."""
    return {
        "config": str(REPOSITORY / "configs/manifest.yaml"),
        "over": {
            "data.train": str(data / "train.jsonl"),
            "data.val": str(data / "val.jsonl"),
            "trainer.max_epochs": epochs,
            "optimizer.lr_reference_batch": 8,
            "logging.tensorboard": False,
        },
        "param_space": PARAM_SPACE,
        "search": {"algorithm": "random", "num_samples": trials, "include_base": False, "seed": 5},
        "asha": {"grace_period": epochs},
    }
